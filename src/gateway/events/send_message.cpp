// sendMessage {chatId,chatNumber?,content,clientMsgId?,…} → {message,duplicate} once durable.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/events/addressing.hpp"
#include "gateway/events/handlers.hpp"
#include "gateway/events/payloads.hpp"
#include "gateway/events/realtime_core.hpp"
#include "gateway/flow.hpp"
#include "gateway/ops/sending.hpp"
#include "json/writer.hpp"
#include "wire/wire_event.hpp"

namespace maru::gateway {
namespace {

constexpr char kFrom[] = "from";
constexpr char kFromName[] = "fromUserName";

std::string answer_of(const chat::Sent& sent) {
  const net::TextFrame event = wire::event_of(sent.record);
  const std::string_view message = wire::message_in(event);
  constexpr std::size_t kAroundIt = 64;
  std::string out;
  out.reserve(message.size() + kAroundIt);
  json::Writer writer(out);
  writer.begin_array().begin_object().key("ok").boolean(true).key("message").raw(message);
  writer.key("duplicate").boolean(sent.duplicate).end_object().end_array();
  return out;
}

// The next event waits until this one is in the log: a connection's sends keep their order.
Handling send(EventCall& call, Asks asks, SendMessagePayload payload) {
  std::optional<NextEventsWait> waiting(std::in_place, call);
  const Result<Sending> sending =
      co_await read(call, asks, [&](chat::Snapshot& snapshot, Caller& caller) {
        const auto chat = resolve_chat(snapshot, payload.chat);
        if (!chat) return Result<Sending>(std::unexpected(chat.error()));
        return look_at_sending(snapshot, caller, *chat);
      });
  if (!sending) co_return std::unexpected(sending.error());
  const Result<void> admitted = co_await admit(call, sending->from, tolls_of(*sending));
  if (!admitted) co_return admitted;
  call.speak_for(sending->from);
  chat::SendMessage command = command_of(*sending, std::move(payload.message));
  const chat::Reply reply = co_await submit(call, std::move(command), [&] {
    waiting.reset();
    call.core().drain_later(call.key());
  });
  if (!reply) co_return std::unexpected(reply.error());
  call.acknowledge(call.wants_answer() ? answer_of(std::get<chat::Sent>(*reply)) : std::string());
  co_return Result<void>();
}

// Whoever hears a chat is its member: these sends need no look.
std::optional<Sending> known_sending(RealtimeCore& core, const ClientSession& session,
                                     json::Value payload) {
  const Asker asker(core.context.options.auth, session);
  const auto asks = asker.asks(payload, kFrom, kFromName);
  if (!asks) return std::nullopt;
  const std::optional<UserId> user = asker.known(*asks);
  if (!user || session.user != *user) return std::nullopt;
  const auto chat = parse_chat_ref(payload);
  if (!chat || !chat->id || !session.is_attached(*chat->id)) return std::nullopt;
  return Sending{*user, *chat->id, true};
}

}  // namespace

bool send_straight(RealtimeCore& core, ClientSession& session, const IncomingEvent& event,
                   std::size_t operation) {
  const std::optional<Sending> sending = known_sending(core, session, event.payload);
  if (!sending) return false;
  auto message = parse_message_draft(event.payload);
  if (!message) return false;
  if (core.context.limiter.take_all(tolls_of(*sending).span(), 0).refused != nullptr) {
    return false;  // its task waits, or refuses it
  }
  session.refusals = 0;
  speak_for(core, session, sending->from);
  core.submit(session, command_of(*sending, std::move(*message)),
              [&core, ack = event.ack, operation](ClientSession& sender, const chat::Reply& reply) {
                if (!reply) return core.refuse(sender, ack, reply.error(), operation);
                core.counters.event_answered(operation, std::nullopt);
                if (ack) sender.socket->acknowledge(*ack, answer_of(std::get<chat::Sent>(*reply)));
              });
  return true;
}

Handling handle_send_message(EventCall& call, json::Value payload) {
  auto parsed = parse_send_message(payload);
  if (!parsed) return refused(std::move(parsed.error()));
  auto asks = call.asker().asks(payload, kFrom, kFromName);
  if (!asks) return refused(std::move(asks.error()));
  return send(call, std::move(*asks), std::move(*parsed));
}

}  // namespace maru::gateway
