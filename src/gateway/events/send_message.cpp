// sendMessage {chatId,chatNumber?,content,clientMsgId?,…} → {message,duplicate} once durable.
#include <string>
#include <utility>

#include "gateway/events/handlers.hpp"
#include "gateway/events/payloads.hpp"
#include "gateway/events/resolve.hpp"
#include "json/writer.hpp"
#include "text/text.hpp"
#include "wire/documents.hpp"

namespace maru::gateway {
namespace {

void answer(RealtimeCore& core, ClientSession& session, const Caller& caller,
            const chat::Reply& reply) {
  if (!reply) {
    core.refuse(session, caller, reply.error());
    return;
  }
  if (!caller.ack) return;
  const auto& sent = std::get<chat::Sent>(*reply);
  std::string out;
  json::Writer writer(out);
  writer.begin_array().begin_object().key("ok").boolean(true).key("message");
  wire::write_message(writer, *sent.record);
  writer.key("duplicate").boolean(sent.duplicate).end_object().end_array();
  core.acknowledge(session, caller, out);
}

void submit_send(RealtimeCore& core, ClientSession& session, const Caller& caller,
                 chat::SendMessage command) {
  speak_for(core, session, command.from);
  core.submit(session, Input::kFlows, std::move(command),
              [&core, caller](ClientSession& asker, const chat::Reply& reply) {
                answer(core, asker, caller, reply);
              });
}

bool admit_send(RealtimeCore& core, ClientSession& session, const EventCall& call,
                const chat::SendMessage& command) {
  return core.admit(session, call,
                    {{Rate::kMessagesOfUser, RateLimiter::key_of(command.from)},
                     {Rate::kMessagesOfRoom, RateLimiter::key_of(command.chat)}});
}

}  // namespace

void handle_send_message(RealtimeCore& core, ClientSession& session, const EventCall& call) {
  auto message = parse_send_message(call.payload);
  if (!message) return core.refuse(session, call.caller, message.error());
  auto content = text::clean_message(message->content);
  if (!content) return core.refuse(session, call.caller, content.error());
  auto who = who_asks(session, core.context.options.auth, call.payload, "from", "fromUserName");
  if (!who) return core.refuse(session, call.caller, who.error());

  chat::SendMessage command{.content = std::move(*content),
                            .client_msg_id = std::move(message->client_msg_id)};
  if (!who->needs_lookup && message->chat.id) {
    command.chat = *message->chat.id;
    command.from = who->user;
    if (!admit_send(core, session, call, command)) return;
    return submit_send(core, session, call.caller, std::move(command));
  }
  // The next event waits: a connection's sends keep their order.
  core.query<Addressed>(
      session, Input::kWaits,
      [who = std::move(*who), chat = message->chat](chat::Snapshot& snapshot) {
        return resolve(snapshot, who, chat);
      },
      [&core, held = hold_on_to(call), command = std::move(command)](
          ClientSession& asker, const Result<Addressed>& addressed) mutable {
        const EventCall later = later_call(held, asker.key, "sendMessage");
        if (!addressed) return core.refuse(asker, later.caller, addressed.error());
        command.chat = addressed->chat;
        command.from = addressed->user;
        if (!admit_send(core, asker, later, command)) return;
        submit_send(core, asker, later.caller, std::move(command));
      });
}

}  // namespace maru::gateway
