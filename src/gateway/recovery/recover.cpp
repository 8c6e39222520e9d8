// Connection state recovery, in the order that architecture.md gives: attach, ask what was missed,
// read it, send it, go on.
//
// The pid stays good until a socket was accepted with it: a connection that dies on the way costs
// nothing. If the earlier socket still lives here (the client's address changed, its old connection
// does not know yet), that one is closed first and leaves behind what it has.
#include <algorithm>
#include <utility>

#include "base/memory.hpp"
#include "fanout/recovery/resume.hpp"
#include "gateway/events/connecting.hpp"
#include "gateway/events/presence_watch.hpp"
#include "gateway/events/session_check.hpp"
#include "gateway/flow.hpp"
#include "gateway/recovery/recovery_read.hpp"
#include "wire/documents.hpp"

namespace maru::gateway {
namespace {

constexpr int kTakeOversMax = 2;

// ---- what is known of the pid

Task<fanout::PidState> ask_pid(RealtimeCore& core, const std::string& pid) {
  co_return co_await called_back<fanout::PidState>(
      [&](Giver<fanout::PidState> give) -> std::optional<fanout::PidState> {
        core.context.recovery.ask_pid(pid, std::move(give));
        return std::nullopt;
      });
}

Task<std::optional<fanout::Recovery>> ask_recovery(RealtimeCore& core, const std::string& pid,
                                                   wire::Position offset) {
  using Answer = std::optional<fanout::Recovery>;
  co_return co_await called_back<Answer>([&](Giver<Answer> give) -> std::optional<Answer> {
    core.context.recovery.ask_recovery(pid, offset, std::move(give));
    return std::nullopt;
  });
}

// On the thread of the socket that has the pid. False: it is of another login session.
bool yield_pid(RealtimeCore& core, SessionKey key, std::string_view pid, SessionId login) {
  ClientSession* session = core.sessions.find(key);
  if (session == nullptr || session->recovery == nullptr) return true;  // it has just left
  if (session->recovery->pid_text() != pid || session->socket == nullptr) return true;
  if (session->session != login || session->revoked) return false;
  ++core.context.recovery.counters().recoveries_live;
  leave_behind(core, *session, true);
  session->socket->disconnect(endpoint::Disconnect::kTransportOnly);
  return true;
}

// What the live socket leaves is in the soft state's mailbox before the pid is asked for again.
Task<bool> take_over(RealtimeCore& core, fanout::SocketOwner owner, std::string pid,
                     SessionId login) {
  co_return co_await called_back<bool>([&](Giver<bool> give) -> std::optional<bool> {
    core.post_to(owner.thread, [owner, login, pid = std::move(pid),
                                give = std::move(give)](RealtimeCore& there) mutable {
      give(yield_pid(there, owner.key, pid, login));
    });
    return std::nullopt;
  });
}

// What the socket of the pid has left, if this login session may have it.
Task<std::optional<fanout::RecoverableSocket>> find_earlier(RealtimeCore& core,
                                                            const Connecting& connecting) {
  // A pid works for the login session that it was made for.
  const SessionId login = connecting.identity ? connecting.identity->session : SessionId();
  fanout::PidState known = co_await ask_pid(core, connecting.pid);
  for (int take_overs = 0; known.live && take_overs < kTakeOversMax; ++take_overs) {
    const bool is_left = co_await take_over(core, *known.live, connecting.pid, login);
    if (!is_left) co_return std::nullopt;
    known = co_await ask_pid(core, connecting.pid);
  }
  const bool fits = known.left && known.left->session == login &&
                    known.left->pid.size() == RecoveryState::kPidSize;
  if (!fits) {
    ++core.context.recovery.counters().refused_unknown;
    co_return std::nullopt;
  }
  co_return std::move(known.left);
}

// ---- what was missed

Result<std::optional<Missed>> look(chat::Snapshot& snapshot, const Context& context,
                                   const Connecting& connecting, const fanout::Recovery& recovery,
                                   const Toll& share) {
  // The login session is looked at again: one that was revoked meanwhile recovers nothing.
  if (!recovery.socket.session.is_zero()) {
    const auto identity = authenticate(snapshot, connecting.token.value_or(TokenHash{}),
                                       context.lifetimes.wall(), context.options);
    if (!identity) return std::unexpected(identity.error());
  }
  auto missed = read_missed(snapshot, recovery, wire::decode_offset(connecting.offset));
  if (!missed || !*missed || recovery.socket.watched.empty()) return missed;
  auto watched =
      read_watched(snapshot, context.options.auth, recovery.socket.user, recovery.socket.watched);
  charge_for_rows(context.limiter, context.options, share, snapshot.rows_read());
  if (!watched) return std::unexpected(std::move(watched.error()));
  (*missed)->watched = std::move(*watched);
  return missed;
}

// Nothing was dropped while it was being connected.
bool is_whole(const ClientSession& session, const Missed& missed) {
  return !session.recovery->lost_early &&
         std::ranges::all_of(missed.plan.chats, [&](const fanout::ResumedChat& chat) {
           return session.is_attached(chat.chat);
         });
}

// The readers may be busy: the client is better served late than with a hole to fill by itself.
Task<Result<std::optional<Missed>>> read_patiently(RealtimeCore& core, const Connecting& connecting,
                                                   const ClientSession& session,
                                                   const fanout::Recovery& recovery) {
  const Toll share = read_share_of(session);
  for (int tries = 0;; ++tries) {
    auto missed = co_await read_live(
        core.context.bus, recovery.socket.chats,
        [&](auto read) {
          return ask(core.context.queries, chat::Lane::kUrgent, nullptr, std::move(read));
        },
        [&](std::int64_t ms) { return core.later(ms); },
        [&](chat::Snapshot& snapshot) {
          return look(snapshot, core.context, connecting, recovery, share);
        });
    if (missed || tries == kConnectRetriesMax) co_return missed;
    if (session.revoked || !wire::is_retryable(missed.error().code)) co_return missed;
    co_await core.later(kConnectRetryMs);
  }
}

// ---- going on

void go_on(RealtimeCore& core, ClientSession& session, const Connecting& connecting,
           const fanout::RecoverableSocket& earlier, const fanout::ResumePlan& plan) {
  announce_session(core, session);
  fanout::resume(
      core.rooms, session, plan,
      [&](wire::Position) {
        send_hello(core, session, connecting);
        if (const auto early = std::exchange(session.recovery->early, nullptr)) {
          for (const net::TextFrame& frame : *early) session.socket->send(frame);
        }
        // Not before: with the last one that is pending, what waited goes out.
        for (const ChatId& chat : earlier.chats) {
          if (!plan.keeps(chat)) session.abandon(chat);
        }
      },
      [&](const fanout::ResumedChat& chat) {
        session.settle_recovered(chat.chat, chat.upto, chat.floor);
      });
}

void accept_recovered(RealtimeCore& core, PendingSession pending, const Connecting& connecting,
                      const fanout::RecoverableSocket& earlier, Missed missed,
                      std::uint64_t memberships_ended) {
  pending->recovery->last_position = missed.plan.position;
  ClientSession* const session = std::move(pending).accept(
      connecting, {.sid = earlier.sid, .pid = earlier.pid, .missed = std::move(missed.frames)});
  if (session == nullptr) return;
  const SessionKey key = session->key;
  if (!memory::survive([&] { go_on(core, *session, connecting, earlier, missed.plan); })) {
    session->on_event_lost();
    return;
  }
  // What their presence was meanwhile is not kept: it hears how it is now.
  if (!missed.watched.empty()) {
    core.start(key, watch_and_tell(core, key, std::move(missed.watched), memberships_ended));
  }
  check_soon(core, *session);
}

}  // namespace

Task<bool> recover(RealtimeCore& core, const Connecting& connecting) {
  const auto earlier = co_await find_earlier(core, connecting);
  if (!earlier) co_return false;
  auto pending = PendingSession::open(core, connecting, earlier->user);
  if (!pending) co_return true;  // it was refused
  ClientSession& session = **pending;
  std::ranges::copy(earlier->pid, session.recovery->pid.begin());
  // The chats are known: attach them as pending, then ask what was missed.
  for (const ChatId& chat : earlier->chats) session.attach(chat);
  const auto recovery =
      co_await ask_recovery(core, earlier->pid, wire::decode_offset(connecting.offset));
  if (!recovery) co_return false;
  const std::uint64_t memberships_ended = core.rooms.memberships_ended();
  auto missed = co_await read_patiently(core, connecting, session, *recovery);
  if (session.revoked || (!missed && missed.error().code == ErrorCode::kUnauthenticated)) {
    refuse_connect(core, connecting.pending,
                   Error{ErrorCode::kUnauthenticated, "The session has ended.", {}, 0});
    co_return true;
  }
  if (!missed || !*missed || !is_whole(session, **missed)) {
    ++core.context.recovery.counters().refused_other;
    co_return false;
  }
  accept_recovered(core, std::move(*pending), connecting, recovery->socket, std::move(**missed),
                   memberships_ended);
  co_return true;
}

void leave_behind(RealtimeCore& core, ClientSession& session, bool is_recoverable) {
  RecoveryState& state = *session.recovery;
  if (std::exchange(state.has_left, true)) return;
  const fanout::SocketOwner owner = owner_of(core, session);
  // Membership is looked up for one user: one that spoke for several begins afresh.
  if (!is_recoverable || state.spoke_for_others) {
    return core.context.recovery.socket_ended(std::string(state.pid_text()), owner);
  }
  fanout::RecoverableSocket left;
  left.pid = state.pid_text();
  left.sid = session.socket->id();
  left.user = session.user;
  left.session = session.session;
  core.context.inbox.catch_up();
  core.rooms.leave_behind(session, left);
  if (state.lost_event) left.left_at = 0;
  core.context.recovery.socket_left(std::move(left), owner);
}

}  // namespace maru::gateway
