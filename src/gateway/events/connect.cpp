#include "gateway/events/connect.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "gateway/events/hello.hpp"
#include "gateway/events/recovery_read.hpp"
#include "gateway/events/session_check.hpp"
#include "json/writer.hpp"
#include "wire/documents.hpp"

namespace maru::gateway {
namespace {

constexpr std::int64_t kRetryMs = 500;
// A wrong token is refused that late: a connection cannot try many before its time-out.
constexpr std::int64_t kRefusalDelayMs = 100;
constexpr std::size_t kPidBytes = 15;  // 20 characters of base64url

// A CONNECT on its way through readers and soft state.
struct Connecting {
  endpoint::PendingConnect pending;
  std::optional<TokenHash> token;
  bool uses_recovery = false;
  std::string pid;  // of the connection to recover; empty: a fresh one is wanted
  std::string offset;
  std::optional<Identity> identity;
};
using ConnectingPtr = std::unique_ptr<Connecting>;

std::string make_pid(const Random& random) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::uint8_t bytes[kPidBytes];
  random(bytes, sizeof bytes);
  std::string pid;
  for (std::size_t i = 0; i < kPidBytes; i += 3) {
    const unsigned bits = bytes[i] << 16U | bytes[i + 1] << 8U | bytes[i + 2];
    for (const unsigned shift : {18U, 12U, 6U, 0U}) pid += kDigits[bits >> shift & 63U];
  }
  return pid;
}

void refuse_connect(RealtimeCore& core, const endpoint::PendingConnect& pending,
                    const Error& error) {
  std::string data;
  json::Writer writer(data);
  wire::write_problem(writer, error, core.next_request_id());
  pending.refuse(to_string(error.code), data);
}

// ---- accepting
// -----------------------------------------------------------------------------------

void tell_soft_state(RealtimeCore& core, const ClientSession& session) {
  if (!session.login_user.is_zero()) core.context.soft_state.connection_opened(session.login_user);
}

std::unique_ptr<ClientSession> make_session(RealtimeCore& core, const Connecting& connecting) {
  auto session = std::make_unique<ClientSession>(core);
  if (connecting.identity) {
    session->user = session->login_user = connecting.identity->user;
    session->session = connecting.identity->session;
  }
  if (connecting.uses_recovery) {
    session->recovery = std::make_unique<RecoveryState>();
    core.context.interest.add_recovery_user();
  }
  return session;
}

ClientSession& register_session(RealtimeCore& core, std::unique_ptr<ClientSession> made) {
  const SessionKey key = core.sessions.insert(std::move(made));
  ClientSession& session = *core.sessions.find(key);
  session.key = key;
  core.context.rooms.add(session, session.user, session.session);
  return session;
}

void unregister_session(RealtimeCore& core, ClientSession& session) {
  core.context.rooms.remove(session);
  if (session.recovery != nullptr) core.context.interest.remove_recovery_user();
  core.sessions.erase(session.key);
}

void send_hello(RealtimeCore& core, const ClientSession& session, const Connecting& connecting) {
  const wire::Position position = session.recovery ? session.recovery->last_position : 0;
  session.socket->send(make_hello(core.context.options, core.context.clock.wall(),
                                  connecting.identity ? &*connecting.identity : nullptr, position));
}

void accept_fresh(RealtimeCore& core, const Connecting& connecting) {
  if (!connecting.pending.alive()) return;
  endpoint::PendingConnect::Accept accept;
  if (connecting.uses_recovery) accept.pid = make_pid(core.context.random);
  // Registered first: from here on nothing for this user or login session is missed.
  ClientSession& session = register_session(core, make_session(core, connecting));
  if (session.recovery != nullptr) {
    session.recovery->pid = accept.pid;
    session.recovery->last_position = core.context.soft_state.position();
  }
  session.socket = connecting.pending.accept(std::move(accept));
  if (session.socket == nullptr) return unregister_session(core, session);
  session.socket->set_user(&session);
  tell_soft_state(core, session);
  send_hello(core, session, connecting);
  check_soon(core, session);
}

// ---- recovery, in the order that architecture.md gives
// -------------------------------------------

void accept_recovered(RealtimeCore& core, ClientSession& session, const Connecting& connecting,
                      const fanout::Recovery& recovery, Missed missed) {
  RecoveryState& state = *session.recovery;
  state.last_position = std::max(state.recovered_at, missed.last);
  endpoint::PendingConnect::Accept accept;
  accept.sid = recovery.socket.sid;
  accept.pid = recovery.socket.pid;
  accept.missed = std::move(missed.frames);
  session.socket = connecting.pending.accept(std::move(accept));
  if (session.socket == nullptr) return unregister_session(core, session);
  session.socket->set_user(&session);
  tell_soft_state(core, session);
  core.context.rooms.resume(session, state.last_position);
  send_hello(core, session, connecting);
  for (const net::TextFrame& frame : std::exchange(state.early, {})) session.socket->send(frame);
  for (const ChatId& chat : recovery.socket.chats) {
    const auto found = std::ranges::find(missed.chats, chat, &RecoveredChat::chat);
    if (found == missed.chats.end()) {
      session.abandon(chat, true);
    } else {
      session.settle_recovered(chat, found->upto, found->floor);
    }
  }
  check_soon(core, session);
}

// Events of one of its chats were dropped while it was pending: there is a hole.
bool has_overflowed(const ClientSession& session, const Missed& missed) {
  return !std::ranges::all_of(missed.chats, [&](const RecoveredChat& recovered) {
    return session.is_attached(recovered.chat);
  });
}

void read_and_accept(RealtimeCore& core, ConnectingPtr connecting, SessionKey key,
                     fanout::Recovery recovery) {
  auto shared = std::make_shared<fanout::Recovery>(std::move(recovery));
  ClientSession& session = *core.sessions.find(key);
  const std::optional<TokenHash> token = connecting->token;
  // The login session is looked at again: one that was revoked meanwhile recovers nothing.
  core.query<std::optional<Missed>>(
      session, Input::kFlows,
      [&core, token, shared](chat::Snapshot& snapshot) -> Result<std::optional<Missed>> {
        if (!shared->socket.session.is_zero()) {
          const auto identity = authenticate(snapshot, token.value_or(TokenHash{}),
                                             core.context.clock.wall(), core.context.options);
          if (!identity) return std::unexpected(identity.error());
        }
        return read_missed(snapshot, *shared);
      },
      [&core, connecting = std::shared_ptr<Connecting>(std::move(connecting)), shared](
          ClientSession& asker, Result<std::optional<Missed>> missed) {
        const bool fits = missed && *missed && !asker.revoked && !has_overflowed(asker, **missed);
        if (fits) return accept_recovered(core, asker, *connecting, *shared, std::move(**missed));
        const bool is_revoked =
            asker.revoked || (!missed && missed.error().code == ErrorCode::kUnauthenticated);
        unregister_session(core, asker);
        if (is_revoked) {
          return refuse_connect(
              core, connecting->pending,
              Error{ErrorCode::kUnauthenticated, "The session has ended.", {}, 0});
        }
        accept_fresh(core, *connecting);
      });
}

// The chats are known: attach them as pending, then ask what was missed.
void attach_and_recover(RealtimeCore& core, ConnectingPtr connecting,
                        const fanout::RecoverableSocket& earlier) {
  auto made = make_session(core, *connecting);
  made->user = earlier.user;  // open mode: whom the earlier socket spoke for
  made->recovery->pid = earlier.pid;
  const wire::Position offset = wire::decode_offset(connecting->offset);
  made->recovery->recovered_at = offset;
  ClientSession& session = register_session(core, std::move(made));
  for (const ChatId& chat : earlier.chats) session.attach(chat);

  const SessionKey key = session.key;
  const std::string pid = connecting->pid;
  core.context.soft_state.ask_recovery(
      pid, offset,
      [&core, key,
       connecting = std::move(connecting)](std::optional<fanout::Recovery> recovery) mutable {
        core.post_self([&core, key, connecting = std::move(connecting),
                        recovery = std::move(recovery)]() mutable {
          ClientSession* self = core.sessions.find(key);
          if (self == nullptr) return;
          if (!recovery || !connecting->pending.alive()) {
            unregister_session(core, *self);
            return accept_fresh(core, *connecting);
          }
          read_and_accept(core, std::move(connecting), key, std::move(*recovery));
        });
      });
}

void try_recovery(RealtimeCore& core, ConnectingPtr connecting) {
  const std::string pid = connecting->pid;
  core.context.soft_state.ask_recoverable_chats(
      pid, [&core, connecting = std::move(connecting)](
               std::optional<fanout::RecoverableSocket> earlier) mutable {
        core.post_self(
            [&core, connecting = std::move(connecting), earlier = std::move(earlier)]() mutable {
              if (!connecting->pending.alive()) return;
              const SessionId session =
                  connecting->identity ? connecting->identity->session : SessionId();
              // A pid works for the login session that it was made for.
              if (!earlier || earlier->session != session) return accept_fresh(core, *connecting);
              attach_and_recover(core, std::move(connecting), *earlier);
            });
      });
}

// ---- who it is
// -----------------------------------------------------------------------------------

void go_on(RealtimeCore& core, ConnectingPtr connecting) {
  if (!connecting->pending.alive()) return;
  if (connecting->uses_recovery && !connecting->pid.empty()) {
    return try_recovery(core, std::move(connecting));
  }
  accept_fresh(core, *connecting);
}

void look_up_session(RealtimeCore& core, ConnectingPtr connecting);

void retry_later(RealtimeCore& core, ConnectingPtr connecting) {
  core.delays.after(kRetryMs, [&core, connecting = std::move(connecting)]() mutable {
    if (connecting->pending.alive()) look_up_session(core, std::move(connecting));
  });
}

void on_looked_up(RealtimeCore& core, ConnectingPtr connecting, Result<Identity> identity) {
  if (identity) {
    touch_session(core, identity->session, identity->last_used_at);
    connecting->identity = std::move(*identity);
    return go_on(core, std::move(connecting));
  }
  if (identity.error().code != ErrorCode::kUnauthenticated) {
    return retry_later(core, std::move(connecting));
  }
  // An ended session is nobody: fine in open mode only.
  if (core.context.options.auth == AuthMode::kAccounts) {
    core.delays.after(kRefusalDelayMs,
                      [&core, pending = connecting->pending, error = std::move(identity.error())] {
                        refuse_connect(core, pending, error);
                      });
    return;
  }
  connecting->token.reset();
  go_on(core, std::move(connecting));
}

void look_up_session(RealtimeCore& core, ConnectingPtr connecting) {
  // Shared, for a refused query may have been moved from.
  auto box = std::make_shared<ConnectingPtr>(std::move(connecting));
  const TokenHash token = *(*box)->token;
  const bool posted = core.context.queries.post([&core, box, token](chat::Snapshot& snapshot) {
    auto identity = authenticate(snapshot, token, core.context.clock.wall(), core.context.options);
    core.post_self([&core, box, identity = std::move(identity)]() mutable {
      if ((*box)->pending.alive()) on_looked_up(core, std::move(*box), std::move(identity));
    });
  });
  if (!posted) retry_later(core, std::move(*box));
}

// The client's own token wins over what its first request carried.
std::optional<TokenHash> token_of(const endpoint::ConnectRequest& request) {
  const json::Value token = request.auth["token"];
  if (const auto text = token.as_string(); text && !text->empty()) {
    return hash_token(*text).value_or(TokenHash{});
  }
  if (!token.is_null() && token.kind() != json::Kind::kString) return TokenHash{};
  const auto* handshake = static_cast<const Handshake*>(request.data);
  if (handshake == nullptr || handshake->source == TokenSource::kNone) return std::nullopt;
  return handshake->token;
}

}  // namespace

void connect_socket(RealtimeCore& core, const endpoint::ConnectRequest& request,
                    endpoint::PendingConnect pending) {
  auto connecting = std::make_unique<Connecting>();
  connecting->pending = pending;
  connecting->token = token_of(request);
  connecting->uses_recovery =
      request.auth["recovery"].as_bool().value_or(core.context.options.recovery_default);
  if (request.pid && request.offset) {
    connecting->pid = *request.pid;
    connecting->offset = *request.offset;
  }
  if (connecting->token) return look_up_session(core, std::move(connecting));
  if (core.context.options.auth == AuthMode::kAccounts) {
    return refuse_connect(
        core, pending,
        Error{ErrorCode::kUnauthenticated, "Log in first: auth {token} or the cookie.", {}, 0});
  }
  go_on(core, std::move(connecting));
}

void disconnect_socket(RealtimeCore& core, ClientSession& session,
                       endpoint::DisconnectReason reason) {
  core.leaves.cancel_session(session.key);
  if (session.recovery != nullptr && !session.revoked && endpoint::is_recoverable(reason)) {
    fanout::RecoverableSocket left;
    left.pid = session.recovery->pid;
    left.sid = session.socket->id();
    left.user = session.user;
    left.session = session.session;
    core.context.rooms.leave_behind(session, left);
    core.context.soft_state.socket_left(std::move(left));
  }
  if (!session.login_user.is_zero()) {
    core.context.soft_state.connection_closed(session.login_user);
  }
  unregister_session(core, session);
}

}  // namespace maru::gateway
