// leaveRoom {chatId,number,userId?,userName?} → {left}: the socket is detached at once; a group is
// left after a grace of 2 s, in which the end of the socket or any join takes it back
// (product.md 1: the original's client leaves on `beforeunload`, a closed tab is not a leave).
#include <cassert>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "gateway/events/handlers.hpp"
#include "gateway/events/payloads.hpp"
#include "gateway/events/resolve.hpp"
#include "gateway/pending_leaves.hpp"
#include "json/writer.hpp"

namespace maru::gateway {
namespace {

void answer(RealtimeCore& core, ClientSession& session, const EventCaller& caller, bool left) {
  if (!caller.ack) return;
  std::string out;
  json::Writer(out)
      .begin_array()
      .begin_object()
      .key("ok")
      .boolean(true)
      .key("left")
      .boolean(left)
      .end_object()
      .end_array();
  core.acknowledge(session, caller, out);
}

// Where the user is, the record of the login session says.
void audit_left(const ClientSession& session, const PendingLeave& leave) {
  log::audit(
      "audit_member_left",
      {{"user", leave.user.hex()}, {"chat", leave.chat.hex()}, {"session", session.session.hex()}});
}

void commit(RealtimeCore& core, PendingLeave&& leave) {
  ClientSession* session = core.sessions.find(leave.caller.session);
  if (session == nullptr) return;
  const chat::LeaveChat command{.chat = leave.chat, .user = leave.user, .ticket = leave.ticket};
  core.submit(*session, Input::kFlows, command,
              [&core, leave = std::move(leave)](ClientSession& asker, const chat::Reply& reply) {
                const EventCaller& caller = leave.caller;
                if (reply) {
                  const bool left = std::get<chat::Left>(*reply).left;
                  if (left) audit_left(asker, leave);
                  return answer(core, asker, caller, left);
                }
                // Removed meanwhile: nothing is left to do.
                const ErrorCode code = reply.error().code;
                if (code == ErrorCode::kNotMember || code == ErrorCode::kForbidden) {
                  return answer(core, asker, caller, false);
                }
                core.refuse(asker, caller, reply.error());
              });
}

void start_grace(RealtimeCore& core, PendingLeave&& leave) {
  const std::int64_t grace_ms = core.context.options.leave_grace_ms;
  const MonotonicTime due{core.context.clock.monotonic().ms + grace_ms};
  if (core.leaves.is_full()) return commit(core, std::move(leave));
  [[maybe_unused]] const bool is_kept = core.leaves.add(std::move(leave), due);
  assert(is_kept);
  core.delays.after(grace_ms, [&core] {
    // The wheel comes up to a tick early.
    const MonotonicTime now{core.context.clock.monotonic().ms + net::TimerWheel::kTickMs};
    for (PendingLeave& ready : core.leaves.take_due(now)) commit(core, std::move(ready));
  });
}

bool admit_leave(RealtimeCore& core, ClientSession& session, const IncomingEvent& call,
                 UserId user) {
  return core.admit(session, call, {{Rate::kJoinsOfUser, RateLimiter::key_of(user)}});
}

void on_asked(RealtimeCore& core, ClientSession& asker, PendingLeave&& leave,
              const chat::Reply& reply) {
  if (!reply) return core.refuse(asker, leave.caller, reply.error());
  speak_for(core, asker, leave.user);
  const auto* asked = std::get_if<chat::LeaveAsked>(&*reply);
  if (asked == nullptr) return answer(core, asker, leave.caller, false);  // detaching was all
  leave.ticket = asked->ticket;
  start_grace(core, std::move(leave));
}

// The next event waits, so that a joinRoom right after it comes after it for the sequencer, too.
// What the payload says of who asks is looked at afterwards: asking alone has no effect.
void ask_leave(RealtimeCore& core, ClientSession& session, PendingLeave&& leave, const Who& who) {
  session.detach(leave.chat);
  leave.mark = core.context.pending_leaves.mark(leave.user, leave.chat);
  const chat::AskLeave command{.chat = leave.chat, .user = leave.user};
  core.submit(
      session, Input::kWaits, command,
      [&core, who, leave = std::move(leave)](ClientSession& asker, chat::Reply reply) mutable {
        if (!who.needs_lookup) return on_asked(core, asker, std::move(leave), reply);
        core.query<UserId>(
            asker, Input::kWaits,
            [who](chat::Snapshot& snapshot) { return identify(snapshot, who); },
            [&core, leave = std::move(leave), reply = std::move(reply)](
                ClientSession& self, const Result<UserId>& user) mutable {
              if (!user) return core.refuse(self, leave.caller, user.error());
              on_asked(core, self, std::move(leave), reply);
            });
      });
}

}  // namespace

void handle_leave_room(RealtimeCore& core, ClientSession& session, const IncomingEvent& call) {
  const auto chat = parse_chat_ref(call.payload);
  if (!chat) return core.refuse(session, call.caller, chat.error());
  auto who = who_asks(session, core.context.options.auth, call.payload, "userId", "userName");
  if (!who) return core.refuse(session, call.caller, who.error());
  if (is_known(*who) && !admit_leave(core, session, call, known_user(*who))) return;
  if (chat->id && is_known(*who)) {
    return ask_leave(core, session, {known_user(*who), *chat->id, call.caller, 0, {}}, *who);
  }
  // Only a number or a name: a first look for the ids.
  core.query<Addressed>(
      session, Input::kWaits,
      [who = *who, chat = *chat](chat::Snapshot& snapshot) { return resolve(snapshot, who, chat); },
      [&core, held = hold_on_to(call), who = *who](ClientSession& asker,
                                                   const Result<Addressed>& addressed) mutable {
        const IncomingEvent later = later_call(held, asker.key, "leaveRoom");
        if (!addressed) return core.refuse(asker, later.caller, addressed.error());
        if (!is_known(who) && !admit_leave(core, asker, later, addressed->user)) return;
        who.needs_lookup = false;
        ask_leave(core, asker, {addressed->user, addressed->chat, later.caller, 0, {}}, who);
      });
}

}  // namespace maru::gateway
