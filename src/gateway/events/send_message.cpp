// sendMessage {chatId,chatNumber?,content,clientMsgId?,…} → {message,duplicate} once durable.
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/events/handlers.hpp"
#include "gateway/events/payloads.hpp"
#include "gateway/events/resolve.hpp"
#include "json/writer.hpp"
#include "wire/wire_event.hpp"

namespace maru::gateway {
namespace {

void answer(RealtimeCore& core, ClientSession& session, const EventCaller& caller,
            const chat::Reply& reply) {
  if (!reply) {
    core.refuse(session, caller, reply.error());
    return;
  }
  if (!caller.ack) return;
  const auto& sent = std::get<chat::Sent>(*reply);
  const net::TextFrame event = wire::event_of(sent.record);
  const std::string_view message = wire::message_in(event);
  constexpr std::size_t kAroundIt = 64;
  std::string out;
  out.reserve(message.size() + kAroundIt);
  json::Writer writer(out);
  writer.begin_array().begin_object().key("ok").boolean(true).key("message").raw(message);
  writer.key("duplicate").boolean(sent.duplicate).end_object().end_array();
  core.acknowledge(session, caller, out);
}

void submit_send(RealtimeCore& core, ClientSession& session, const EventCaller& caller,
                 chat::SendMessage command) {
  speak_for(core, session, command.from);
  core.submit(session, Input::kFlows, std::move(command),
              [&core, caller](ClientSession& asker, const chat::Reply& reply) {
                answer(core, asker, caller, reply);
              });
}

// Only members share the room's rate: nobody else can use it up.
bool admit_send(RealtimeCore& core, ClientSession& session, const IncomingEvent& call,
                const chat::SendMessage& command, bool is_member) {
  const Toll of_user{Rate::kMessagesOfUser, RateLimiter::key_of(command.from)};
  if (!is_member) return core.admit(session, call, {of_user});
  return core.admit(session, call,
                    {of_user, {Rate::kMessagesOfRoom, RateLimiter::key_of(command.chat)}});
}

struct Sending {
  Addressed addressed;
  bool is_member = false;
};

Result<Sending> look(chat::Snapshot& snapshot, const Who& who, const ChatRef& chat) {
  const auto addressed = resolve(snapshot, who, chat);
  if (!addressed) return std::unexpected(addressed.error());
  const auto is_member = snapshot.is_member(addressed->chat, addressed->user);
  if (!is_member) return std::unexpected(is_member.error());
  return Sending{*addressed, *is_member};
}

// Whoever hears a chat is its member: these sends need no look.
bool hears(const ClientSession& session, const Who& who, const ChatRef& chat) {
  return !who.needs_lookup && chat.id && session.user == who.user && session.is_attached(*chat.id);
}

}  // namespace

void handle_send_message(RealtimeCore& core, ClientSession& session, const IncomingEvent& call) {
  auto message = parse_send_message(call.payload);
  if (!message) return core.refuse(session, call.caller, message.error());
  auto who = who_asks(session, core.context.options.auth, call.payload, "from", "fromUserName");
  if (!who) return core.refuse(session, call.caller, who.error());

  chat::SendMessage command{.content = std::move(message->message.content),
                            .client_msg_id = std::move(message->message.client_msg_id)};
  if (hears(session, *who, message->chat)) {
    command.chat = *message->chat.id;
    command.from = who->user;
    if (!admit_send(core, session, call, command, true)) return;
    return submit_send(core, session, call.caller, std::move(command));
  }
  // The next event waits: a connection's sends keep their order.
  core.query<Sending>(
      session, Input::kWaits,
      [who = std::move(*who), chat = message->chat](chat::Snapshot& snapshot) {
        return look(snapshot, who, chat);
      },
      [&core, held = hold_on_to(call), command = std::move(command)](
          ClientSession& asker, const Result<Sending>& sending) mutable {
        const IncomingEvent later = later_call(held, asker.key, "sendMessage");
        if (!sending) return core.refuse(asker, later.caller, sending.error());
        command.chat = sending->addressed.chat;
        command.from = sending->addressed.user;
        if (!admit_send(core, asker, later, command, sending->is_member)) return;
        submit_send(core, asker, later.caller, std::move(command));
      });
}

}  // namespace maru::gateway
