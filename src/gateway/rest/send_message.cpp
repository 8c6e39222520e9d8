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
  Asks asks{Access::kActor};
};

Result<Draft> decode_draft(const Call& call, const json::Value& body) {
  const auto chat = parse_id<ChatId>(call.parameter(0), "chat");
  if (!chat) return std::unexpected(chat.error());
  auto message = parse_message_draft(body);
  if (!message) return std::unexpected(std::move(message.error()));
  Draft draft{.chat = *chat, .message = std::move(*message)};
  if (call.is_open()) {
    const auto from = optional_id<UserId>(body, "from");
    if (!from) return std::unexpected(from.error());
    draft.asks.named = Named(*from, "from");
  }
  return draft;
}

Answer sent_answer(const chat::Sent& sent) {
  if (!sent.duplicate) {
    const net::TextFrame event = wire::event_of(sent.record);
    return json_answer(std::string(wire::message_in(event)), 201);
  }
  std::string json;
  json::Writer out(json);
  wire::write_duplicate_message(out, *sent.record);
  return json_answer(std::move(json), 200);
}

struct Sender {
  Caller caller;
  bool is_member = false;
};

// Only members share the room's rate: nobody else can use it up.
Tolls tolls_of(const Sender& sender, ChatId chat) {
  const Toll of_user{Rate::kMessagesOfUser, RateLimiter::key_of(sender.caller.user)};
  if (!sender.is_member) return of_user;
  return {of_user, {Rate::kMessagesOfRoom, RateLimiter::key_of(chat)}};
}

Answering send(Call& call, Draft draft) {
  Result<Sender> sender = co_await read(
      call, draft.asks, [&](chat::Snapshot& snapshot, Caller& caller) -> Result<Sender> {
        const auto is_member = snapshot.is_member(draft.chat, caller.user);
        if (!is_member) return std::unexpected(is_member.error());
        return Sender{std::move(caller), *is_member};
      });
  if (!sender) co_return std::unexpected(sender.error());
  const Tolls tolls = tolls_of(*sender, draft.chat);
  const Result<Caller> from = co_await admit(call, draft.asks, std::move(sender->caller), tolls);
  if (!from) co_return std::unexpected(from.error());
  chat::SendMessage command{draft.chat, from->user, std::move(draft.message.content),
                            std::move(draft.message.client_msg_id)};
  const chat::Reply reply = co_await submit(call, std::move(command));
  if (!reply) co_return std::unexpected(reply.error());
  co_return sent_answer(std::get<chat::Sent>(*reply));
}

}  // namespace

Answering send_message(Call& call, const json::Value& body) {
  auto draft = decode_draft(call, body);
  if (!draft) return refused(std::move(draft.error()));
  return send(call, std::move(*draft));
}

}  // namespace maru::gateway::rest
