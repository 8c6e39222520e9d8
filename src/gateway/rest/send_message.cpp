// POST /messages/:chat {content, clientMsgId?}: the message, once it is durable.
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "json/writer.hpp"
#include "wire/documents.hpp"
#include "wire/wire_event.hpp"

namespace maru::gateway::rest {
namespace {

struct Draft {
  ChatId chat;
  MessageDraft message;
  Named named;
};

Result<Draft> decode_draft(const Call& call, const json::Value& body) {
  const auto chat = parse_id<ChatId>(call.parameter(0), "chat");
  if (!chat) return std::unexpected(chat.error());
  auto message = parse_message_draft(body);
  if (!message) return std::unexpected(std::move(message.error()));
  Draft draft{*chat, std::move(*message), {}};
  if (call.is_open()) {
    const auto from = optional_id<UserId>(body, "from");
    if (!from) return std::unexpected(from.error());
    draft.named = {*from, "from"};
  }
  return draft;
}

void answer_sent(const CallPtr& call, const chat::Sent& sent) {
  if (!sent.duplicate) {
    const net::TextFrame event = wire::event_of(sent.record);
    return call->answer(json_answer(std::string(wire::message_in(event)), 201));
  }
  std::string json;
  json::Writer out(json);
  wire::write_duplicate_message(out, *sent.record);
  call->answer(json_answer(std::move(json), 200));
}

void submit_draft(const CallPtr& call, const UserId& from, Draft draft) {
  submit(call,
         chat::SendMessage{draft.chat, from, std::move(draft.message.content),
                           std::move(draft.message.client_msg_id)},
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
           auto go_on = [call, draft = std::move(draft)](chat::Snapshot&,
                                                         Caller&& admitted) mutable {
             submit_draft(call, admitted.user, std::move(draft));
           };
           // Only members share the room's rate: nobody else can use it up.
           if (!*is_member) {
             return admit(call, snapshot, std::move(caller), {of_user}, std::move(go_on));
           }
           admit(call, snapshot, std::move(caller), {of_user, of_room}, std::move(go_on));
         });
}

}  // namespace maru::gateway::rest
