#include "gateway/events/connect.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "gateway/events/connecting.hpp"
#include "gateway/events/hello.hpp"
#include "gateway/events/session_check.hpp"
#include "gateway/user_connections.hpp"
#include "json/writer.hpp"
#include "wire/documents.hpp"

namespace maru::gateway {
namespace {

// A wrong token is refused that late: a connection cannot try many before its time-out.
constexpr std::int64_t kRefusalDelayMs = 100;
constexpr std::size_t kPidBytes = RecoveryState::kPidSize / 4 * 3;  // as base64url

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

}  // namespace

void refuse_connect(RealtimeCore& core, const endpoint::PendingConnect& pending,
                    const Error& error) {
  std::string data;
  json::Writer writer(data);
  wire::write_problem(writer, error, core.next_request_id());
  pending.refuse(to_string(error.code), data);
}

// ---- accepting
// -----------------------------------------------------------------------------------

ClientSession* register_session(RealtimeCore& core, const Connecting& connecting,
                                UserId speaks_for) {
  const UserId login_user = connecting.identity ? connecting.identity->user : UserId();
  if (!core.context.connections.take(login_user)) {
    refuse_connect(core, connecting.pending,
                   Error{ErrorCode::kRateLimited, "This user has too many connections.", {}, 0});
    return nullptr;
  }
  auto made = std::make_unique<ClientSession>(core);
  made->user = made->login_user = login_user;
  if (connecting.identity) made->session = connecting.identity->session;
  if (connecting.uses_recovery) {
    made->recovery = std::make_unique<RecoveryState>();
    core.context.interest.add_recovery_user();
  }
  const SessionKey key = core.sessions.insert(std::move(made));
  ClientSession& session = *core.sessions.find(key);
  session.key = key;
  core.rooms.add(session, session.user, session.session,
                 session.recovery ? fanout::Order::kByPosition : fanout::Order::kAsItComes);
  if (!speaks_for.is_zero() && speaks_for != login_user) {
    session.user = speaks_for;
    core.rooms.set_user(session, speaks_for);
  }
  return &session;
}

void unregister_session(RealtimeCore& core, ClientSession& session) {
  core.rooms.remove(session);
  if (session.recovery != nullptr) core.context.interest.remove_recovery_user();
  core.context.connections.give_back(session.login_user);
  core.sessions.erase(session.key);
}

void announce_session(RealtimeCore& core, const ClientSession& session) {
  if (!session.login_user.is_zero()) {
    core.context.presence.connection_opened(session.login_user);
  }
  if (session.recovery == nullptr) return;
  core.context.recovery.socket_opened(std::string(session.recovery->pid_text()),
                                      owner_of(core, session), session.recovery->last_position);
}

void send_hello(RealtimeCore& core, const ClientSession& session, const Connecting& connecting) {
  const wire::Position position = session.recovery ? session.recovery->last_position : 0;
  session.socket->send(make_hello(core.context.options, core.context.clock.wall(),
                                  connecting.identity ? &*connecting.identity : nullptr, position));
}

void accept_fresh(RealtimeCore& core, const Connecting& connecting) {
  if (!connecting.pending.alive()) return;
  ClientSession* session = register_session(core, connecting, UserId());
  if (session == nullptr) return;
  endpoint::PendingConnect::Accept accept;
  // A name that it alone has said is no user: no cap would count its sessions.
  accept.anonymous = session->login_user.is_zero();
  if (session->recovery != nullptr) {
    accept.pid = make_pid(core.context.random);
    std::ranges::copy(accept.pid, session->recovery->pid.begin());
    session->recovery->last_position = core.context.recovery.position();
  }
  session->socket = connecting.pending.accept(accept);
  if (session->socket == nullptr) return unregister_session(core, *session);
  session->socket->set_user(session);
  announce_session(core, *session);
  send_hello(core, *session, connecting);
  check_soon(core, *session);
}

namespace {

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
  core.delays.after(kConnectRetryMs, [&core, connecting = std::move(connecting)]() mutable {
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
  const bool posted =
      core.context.queries.post(chat::Lane::kUrgent, [&core, box, token](chat::Snapshot& snapshot) {
        auto identity =
            authenticate(snapshot, token, core.context.lifetimes.wall(), core.context.options);
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

void authenticate(RealtimeCore& core, ConnectingPtr connecting) {
  if (connecting->token) return look_up_session(core, std::move(connecting));
  if (core.context.options.auth == AuthMode::kAccounts) {
    return refuse_connect(
        core, connecting->pending,
        Error{ErrorCode::kUnauthenticated, "Log in first: auth {token} or the cookie.", {}, 0});
  }
  go_on(core, std::move(connecting));
}

}  // namespace

void connect_socket(RealtimeCore& core, const endpoint::ConnectRequest& request,
                    endpoint::PendingConnect pending) {
  // It counts as an event of its connection, or leaving and coming again would be free. One past
  // the longest delay has not waited for its turn sixty times over: no client does that.
  const std::int64_t wait = core.context.limiter.take(
      Rate::kEventsOfConnection, request.session_tag, core.context.options.rate_delay_max_ms);
  if (wait < 0) return pending.close();

  auto connecting = std::make_unique<Connecting>();
  connecting->pending = pending;
  connecting->token = token_of(request);
  connecting->uses_recovery =
      request.auth["recovery"].as_bool().value_or(core.context.options.recovery_default);
  if (request.pid && request.offset) {
    connecting->pid = *request.pid;
    connecting->offset = *request.offset;
  }
  if (wait == 0) return authenticate(core, std::move(connecting));
  core.delays.after(wait, [&core, connecting = std::move(connecting)]() mutable {
    if (connecting->pending.alive()) authenticate(core, std::move(connecting));
  });
}

void disconnect_socket(RealtimeCore& core, ClientSession& session,
                       endpoint::DisconnectReason reason) {
  if (session.recovery != nullptr) {
    leave_behind(core, session, !session.revoked && endpoint::is_recoverable(reason));
  }
  if (!session.login_user.is_zero()) {
    core.context.presence.connection_closed(session.login_user);
  }
  unregister_session(core, session);
}

}  // namespace maru::gateway
