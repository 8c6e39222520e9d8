// POST /messages/:chat {content, clientMsgId?}: the message, once it is durable.
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "json/writer.hpp"
#include "text/text.hpp"
#include "wire/documents.hpp"

namespace maru::gateway::rest {
namespace {

struct Draft {
  ChatId chat;
  std::string content;
  std::optional<std::string> client_msg_id;
  Named named;
};

Result<std::string> content_of(const json::Value& body) {
  const json::Value content = body["content"];
  if (!content.present() || content.is_null()) {
    return fail_field("content", "required", "The field content is required.");
  }
  const auto text = content.as_string();
  if (!text) {
    return std::unexpected(Error{ErrorCode::kNotText,
                                 "A message is text: the field content must be a string.",
                                 {{"content", "type"}},
                                 0});
  }
  return text::clean_message(*text);
}

Result<Draft> decode_draft(const Call& call, const json::Value& body) {
  const auto chat = parse_id<ChatId>(call.parameter(0), "chat");
  if (!chat) return std::unexpected(chat.error());
  auto content = content_of(body);
  if (!content) return std::unexpected(std::move(content.error()));
  auto id = optional_string(body, "clientMsgId");
  if (!id) return std::unexpected(std::move(id.error()));
  if (*id && !text::is_client_msg_id(**id)) {
    return fail_field("clientMsgId", "format", "A clientMsgId has 1 to 64 of A-Z a-z 0-9 _ and -.");
  }
  Draft draft{*chat, std::move(*content), std::move(*id), {}};
  if (call.is_open()) {
    const auto from = optional_id<UserId>(body, "from");
    if (!from) return std::unexpected(from.error());
    draft.named = {*from, "from"};
  }
  return draft;
}

void answer_sent(const CallPtr& call, const chat::Sent& sent) {
  std::string json;
  json::Writer out(json);
  if (sent.duplicate) {
    wire::write_duplicate_message(out, *sent.record);
  } else {
    wire::write_message(out, *sent.record);
  }
  call->answer(json_answer(std::move(json), sent.duplicate ? 200 : 201));
}

void submit_draft(const CallPtr& call, const UserId& from, Draft draft) {
  submit(
      call,
      chat::SendMessage{draft.chat, from, std::move(draft.content), std::move(draft.client_msg_id)},
      [call](chat::ReplyBody&& reply) { answer_sent(call, std::get<chat::Sent>(reply)); });
}

}  // namespace

void send_message(CallPtr call, const json::Value& body) {
  auto draft = decode_draft(*call, body);
  if (!draft) return call->problem(draft.error());
  const Named named = draft->named;
  decide(call, Access::kActor, named,
         [call, draft = std::move(*draft)](chat::Snapshot& snapshot, Caller&& caller) mutable {
           const Toll of_user{Rate::kMessagesOfUser, RateLimiter::key_of(caller.user)};
           const Toll of_room{Rate::kMessagesOfRoom, RateLimiter::key_of(draft.chat)};
           const auto is_member = snapshot.is_member(draft.chat, caller.user);
           if (!is_member) return call->problem(is_member.error());
           auto go_on = [call, user = caller.user,
                         draft = std::move(draft)](chat::Snapshot&) mutable {
             submit_draft(call, user, std::move(draft));
           };
           // Only members share the room's rate: nobody else can use it up.
           if (!*is_member) return admit(call, snapshot, caller.user, {of_user}, std::move(go_on));
           admit(call, snapshot, caller.user, {of_user, of_room}, std::move(go_on));
         });
}

}  // namespace maru::gateway::rest
