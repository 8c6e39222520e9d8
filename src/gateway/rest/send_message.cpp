// POST /messages/:chat {content, clientMsgId?}: the message, once it is durable.
#include "gateway/ops/sending.hpp"
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

Answering send(Call& call, Draft draft) {
  Caller from;
  const Result<Sending> sending =
      co_await read(call, draft.asks, [&](chat::Snapshot& snapshot, Caller& caller) {
        from = caller;
        return look_at_sending(snapshot, caller, draft.chat);
      });
  if (!sending) co_return std::unexpected(sending.error());
  const Result<Caller> admitted =
      co_await admit(call, draft.asks, std::move(from), tolls_of(*sending));
  if (!admitted) co_return std::unexpected(admitted.error());
  const chat::Reply reply = co_await submit(call, command_of(*sending, std::move(draft.message)));
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
