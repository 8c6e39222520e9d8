// leaveRoom {chatId,number,userId?,userName?} → {left}: the socket is detached at once; a group is
// left after a grace of 2 s, in which the end of the socket or a joinRoom takes it back
// (product.md 1: the original's client leaves on `beforeunload`, a closed tab is not a leave).
#include <algorithm>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "gateway/events/handlers.hpp"
#include "gateway/events/payloads.hpp"
#include "gateway/events/resolve.hpp"
#include "json/writer.hpp"

namespace maru::gateway {
namespace {

struct Leaving {
  UserId user;
  ChatId chat;
  bool leaves = false;  // a group and a member; otherwise detaching was all
};

Result<Leaving> look(chat::Snapshot& snapshot, const Who& who, const ChatRef& ref) {
  const auto user = identify(snapshot, who);
  if (!user) return std::unexpected(user.error());
  auto document = ref.id ? snapshot.find_chat(*ref.id) : snapshot.find_chat_by_number(*ref.number);
  if (!document) return std::unexpected(std::move(document.error()));
  if (!*document) return fail(ErrorCode::kNotFound, "There is no such chat.");
  const chat::ChatDocument& found = **document;
  const bool is_member =
      std::ranges::find(found.members, *user, &chat::Member::user) != found.members.end();
  if (found.chat.is_personal && !is_member) {
    return fail(ErrorCode::kNotFound, "There is no such chat.");
  }
  return Leaving{*user, found.chat.id, is_member && !found.chat.is_personal};
}

void answer(RealtimeCore& core, ClientSession& session, const Caller& caller, bool left) {
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

void commit(RealtimeCore& core, const PendingLeave& leave) {
  ClientSession* session = core.sessions.find(leave.caller.session);
  if (session == nullptr) return;
  core.submit(*session, Input::kFlows, chat::LeaveChat{.chat = leave.chat, .user = leave.user},
              [&core, leave](ClientSession& asker, const chat::Reply& reply) {
                const Caller& caller = leave.caller;
                if (reply) {
                  const bool left = std::get<chat::Left>(*reply).left;
                  if (left) audit_left(asker, leave);
                  return answer(core, asker, caller, left);
                }
                // Left by REST meanwhile, or removed: nothing is left to do.
                const ErrorCode code = reply.error().code;
                if (code == ErrorCode::kNotMember || code == ErrorCode::kForbidden) {
                  return answer(core, asker, caller, false);
                }
                core.refuse(asker, caller, reply.error());
              });
}

void start_grace(RealtimeCore& core, const PendingLeave& leave) {
  const std::int64_t grace_ms = core.context.options.leave_grace_ms;
  const MonotonicTime due{core.context.clock.monotonic().ms + grace_ms};
  if (!core.leaves.add(leave, due)) return commit(core, leave);
  core.delays.after(grace_ms, [&core] {
    // The wheel comes up to a tick early.
    const MonotonicTime now{core.context.clock.monotonic().ms + net::TimerWheel::kTickMs};
    for (const PendingLeave& ready : core.leaves.take_due(now)) commit(core, ready);
  });
}

void cancel_here(RealtimeCore& core, UserId user, ChatId chat) {
  for (const PendingLeave& leave : core.leaves.cancel(user, chat)) {
    ClientSession* session = core.sessions.find(leave.caller.session);
    if (session != nullptr) answer(core, *session, leave.caller, false);
  }
}

bool admit_leave(RealtimeCore& core, ClientSession& session, const EventCall& call, UserId user) {
  return core.admit(session, call, {{Rate::kJoinsOfUser, RateLimiter::key_of(user)}});
}

}  // namespace

void cancel_leaves_everywhere(RealtimeCore& core, UserId user, ChatId chat) {
  cancel_here(core, user, chat);
  for (unsigned thread = 0; thread < core.context.all_threads.size(); ++thread) {
    if (thread == core.context.thread.index()) continue;
    core.post_to(thread, [user, chat](RealtimeCore& there) { cancel_here(there, user, chat); });
  }
}

void handle_leave_room(RealtimeCore& core, ClientSession& session, const EventCall& call) {
  const auto chat = parse_chat_ref(call.payload);
  if (!chat) return core.refuse(session, call.caller, chat.error());
  auto who = who_asks(session, core.context.options.auth, call.payload, "userId", "userName");
  if (!who) return core.refuse(session, call.caller, who.error());
  if (is_known(*who) && !admit_leave(core, session, call, known_user(*who))) return;

  // Before the look: a joinRoom on another socket may come and be answered meanwhile.
  LeaveGrace::Ticket ticket = 0;
  if (chat->id) {
    session.detach(*chat->id);
    if (is_known(*who)) {
      ticket = core.leaves.announce({known_user(*who), *chat->id, call.caller});
    }
  }
  // The next event waits, so that a joinRoom right after it finds the grace begun.
  core.query<Leaving>(
      session, Input::kWaits,
      [who = *who, chat = *chat](chat::Snapshot& snapshot) { return look(snapshot, who, chat); },
      [&core, ticket, held = hold_on_to(call), is_counted = is_known(*who)](
          ClientSession& asker, const Result<Leaving>& leaving) {
        const EventCall later = later_call(held, asker.key, "leaveRoom");
        if (ticket != 0 && !core.leaves.take(ticket)) return;  // taken back, and answered by that
        if (!leaving) return core.refuse(asker, later.caller, leaving.error());
        if (!is_counted && !admit_leave(core, asker, later, leaving->user)) return;
        speak_for(core, asker, leaving->user);
        asker.detach(leaving->chat);
        if (!leaving->leaves) return answer(core, asker, later.caller, false);
        start_grace(core, {leaving->user, leaving->chat, later.caller});
      });
}

}  // namespace maru::gateway
