// Connection state recovery, in the order that architecture.md gives: attach, ask what was missed,
// read it, send it, go on.
//
// The pid stays good until a socket was accepted with it: a connection that dies on the way costs
// nothing. If the earlier socket still lives here (the client's address changed, its old connection
// does not know yet), that one is closed first and leaves behind what it has.
#include <algorithm>
#include <utility>

#include "fanout/recovery/resume.hpp"
#include "gateway/events/connecting.hpp"
#include "gateway/events/presence_watch.hpp"
#include "gateway/events/recovery_read.hpp"
#include "gateway/events/session_check.hpp"
#include "wire/documents.hpp"

namespace maru::gateway {
namespace {

constexpr int kTakeOversMax = 2;

// A recovery under way, from the attached session to the accepted socket.
struct Recovering {
  ConnectingPtr connecting;
  fanout::Recovery recovery;
  wire::Position offset = 0;
  SessionKey key = 0;
  int tries = 0;
  std::uint64_t memberships_ended = 0;  // RoomIndex's, before the last look into the store
};
using RecoveringPtr = std::shared_ptr<Recovering>;

void fall_back(RealtimeCore& core, ClientSession& session, const Connecting& connecting) {
  ++core.context.recovery.counters().refused_other;
  unregister_session(core, session);
  accept_fresh(core, connecting);
}

void accept_recovered(RealtimeCore& core, ClientSession& session, const Recovering& recovering,
                      Missed missed) {
  RecoveryState& state = *session.recovery;
  const fanout::RecoverableSocket& earlier = recovering.recovery.socket;
  state.last_position = missed.plan.position;
  session.socket =
      recovering.connecting->pending.accept({.sid = earlier.sid,
                                             .pid = earlier.pid,
                                             .missed = std::move(missed.frames),
                                             .anonymous = session.login_user.is_zero()});
  if (session.socket == nullptr) return unregister_session(core, session);
  session.socket->set_user(&session);
  announce_session(core, session);
  fanout::resume(
      core.rooms, session, missed.plan,
      [&](wire::Position) {
        send_hello(core, session, *recovering.connecting);
        if (const auto early = std::exchange(state.early, nullptr)) {
          for (const net::TextFrame& frame : *early) session.socket->send(frame);
        }
        // Not before: with the last one that is pending, what waited goes out.
        for (const ChatId& chat : earlier.chats) {
          if (!missed.plan.keeps(chat)) session.abandon(chat);
        }
      },
      [&](const fanout::ResumedChat& chat) {
        session.settle_recovered(chat.chat, chat.upto, chat.floor);
      });
  // What their presence was meanwhile is not kept: it hears how it is now.
  if (!missed.watched.empty()) {
    core.start(session.key, watch_and_tell(core, session.key, std::move(missed.watched),
                                           recovering.memberships_ended));
  }
  check_soon(core, session);
}

// Nothing was dropped while it was being connected.
bool is_whole(const ClientSession& session, const Missed& missed) {
  return !session.recovery->lost_early &&
         std::ranges::all_of(missed.plan.chats, [&](const fanout::ResumedChat& chat) {
           return session.is_attached(chat.chat);
         });
}

void read_and_accept(RealtimeCore& core, ClientSession& session, const RecoveringPtr& recovering);

// The readers are busy: the client is better served late than with a hole to fill by itself.
bool retry_later(RealtimeCore& core, const RecoveringPtr& recovering) {
  if (++recovering->tries > kConnectRetriesMax) return false;
  core.delays.after(kConnectRetryMs, [&core, recovering] {
    ClientSession* session = core.sessions.find(recovering->key);
    if (session == nullptr) return;
    if (!recovering->connecting->pending.alive()) return unregister_session(core, *session);
    read_and_accept(core, *session, recovering);
  });
  return true;
}

void on_read(RealtimeCore& core, ClientSession& session, const RecoveringPtr& recovering,
             Result<std::optional<Missed>> missed) {
  const Connecting& connecting = *recovering->connecting;
  if (!connecting.pending.alive()) return unregister_session(core, session);
  const bool is_revoked =
      session.revoked || (!missed && missed.error().code == ErrorCode::kUnauthenticated);
  if (is_revoked) {
    unregister_session(core, session);
    return refuse_connect(core, connecting.pending,
                          Error{ErrorCode::kUnauthenticated, "The session has ended.", {}, 0});
  }
  if (!missed && wire::is_retryable(missed.error().code) && retry_later(core, recovering)) return;
  if (!missed || !*missed || !is_whole(session, **missed)) {
    return fall_back(core, session, connecting);
  }
  accept_recovered(core, session, *recovering, std::move(**missed));
}

void read_and_accept(RealtimeCore& core, ClientSession& session, const RecoveringPtr& recovering) {
  recovering->memberships_ended = core.rooms.memberships_ended();
  // The login session is looked at again: one that was revoked meanwhile recovers nothing.
  core.query<std::optional<Missed>>(
      session, Input::kFlows,
      [&core, recovering, share = RealtimeCore::read_share(session)](
          chat::Snapshot& snapshot) -> Result<std::optional<Missed>> {
        const fanout::Recovery& recovery = recovering->recovery;
        if (!recovery.socket.session.is_zero()) {
          const auto identity =
              authenticate(snapshot, recovering->connecting->token.value_or(TokenHash{}),
                           core.context.lifetimes.wall(), core.context.options);
          if (!identity) return std::unexpected(identity.error());
        }
        auto missed = read_missed(snapshot, recovery, recovering->offset);
        if (!missed || !*missed || recovery.socket.watched.empty()) return missed;
        auto watched = read_watched(snapshot, core.context.options.auth, recovery.socket.user,
                                    recovery.socket.watched);
        charge_for_rows(core.context.limiter, core.context.options, share, snapshot.rows_read());
        if (!watched) return std::unexpected(std::move(watched.error()));
        (*missed)->watched = std::move(*watched);
        return missed;
      },
      [&core, recovering](ClientSession& asker, Result<std::optional<Missed>> missed) {
        on_read(core, asker, recovering, std::move(missed));
      });
}

// The chats are known: attach them as pending, then ask what was missed.
void attach_and_recover(RealtimeCore& core, ConnectingPtr connecting,
                        const fanout::RecoverableSocket& earlier) {
  ClientSession* session = register_session(core, *connecting, earlier.user);
  if (session == nullptr) return;
  std::ranges::copy(earlier.pid, session->recovery->pid.begin());
  for (const ChatId& chat : earlier.chats) session->attach(chat);

  auto recovering = std::make_shared<Recovering>();
  recovering->offset = wire::decode_offset(connecting->offset);
  recovering->key = session->key;
  recovering->connecting = std::move(connecting);
  const std::string pid = earlier.pid;
  core.context.recovery.ask_recovery(
      pid, recovering->offset, [&core, recovering](std::optional<fanout::Recovery> recovery) {
        core.post_self([&core, recovering, recovery = std::move(recovery)]() mutable {
          ClientSession* self = core.sessions.find(recovering->key);
          if (self == nullptr) return;
          if (!recovery || !recovering->connecting->pending.alive()) {
            unregister_session(core, *self);
            return accept_fresh(core, *recovering->connecting);
          }
          recovering->recovery = std::move(*recovery);
          read_and_accept(core, *self, recovering);
        });
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
void take_over(RealtimeCore& core, ConnectingPtr connecting, fanout::SocketOwner owner) {
  const SessionId login = connecting->identity ? connecting->identity->session : SessionId();
  core.post_to(owner.thread, [&core, owner, login,
                              connecting = std::move(connecting)](RealtimeCore& there) mutable {
    const bool is_left = yield_pid(there, owner.key, connecting->pid, login);
    core.post_self([&core, is_left, connecting = std::move(connecting)]() mutable {
      if (!is_left) return accept_fresh(core, *connecting);
      try_recovery(core, std::move(connecting));
    });
  });
}

void on_pid_known(RealtimeCore& core, ConnectingPtr connecting, const fanout::PidState& known) {
  if (!connecting->pending.alive()) return;
  if (known.live && connecting->take_overs++ < kTakeOversMax) {
    return take_over(core, std::move(connecting), *known.live);
  }
  // A pid works for the login session that it was made for.
  const SessionId login = connecting->identity ? connecting->identity->session : SessionId();
  if (!known.left || known.left->session != login ||
      known.left->pid.size() != RecoveryState::kPidSize) {
    ++core.context.recovery.counters().refused_unknown;
    return accept_fresh(core, *connecting);
  }
  attach_and_recover(core, std::move(connecting), *known.left);
}

}  // namespace

void try_recovery(RealtimeCore& core, ConnectingPtr connecting) {
  const std::string pid = connecting->pid;
  core.context.recovery.ask_pid(pid, [&core, connecting = std::move(connecting)](
                                         fanout::PidState known) mutable {
    core.post_self([&core, connecting = std::move(connecting), known = std::move(known)]() mutable {
      on_pid_known(core, std::move(connecting), known);
    });
  });
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
