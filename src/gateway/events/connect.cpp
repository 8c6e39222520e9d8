#include "gateway/events/connect.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/memory.hpp"
#include "gateway/events/connecting.hpp"
#include "gateway/events/hello.hpp"
#include "gateway/events/session_check.hpp"
#include "gateway/identity/session_activity.hpp"
#include "gateway/limits/user_connections.hpp"
#include "gateway/tasks/asking.hpp"
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

std::optional<PendingSession> PendingSession::open(RealtimeCore& core, const Connecting& connecting,
                                                   UserId speaks_for) {
  const UserId login_user = connecting.identity ? connecting.identity->user : UserId();
  if (!core.context.connections.take(login_user)) {
    refuse_connect(core, connecting.pending,
                   Error{ErrorCode::kRateLimited, "This user has too many connections.", {}, 0});
    return std::nullopt;
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
  return PendingSession(core, session);
}

PendingSession::~PendingSession() {
  if (session_ != nullptr) unregister_session(core_, *session_);
}

ClientSession* PendingSession::accept(const Connecting& connecting,
                                      endpoint::PendingConnect::Accept accept) && {
  // A name that it alone has said is no user: no cap would count its sessions.
  accept.anonymous = session_->login_user.is_zero();
  session_->socket = connecting.pending.accept(accept);
  if (session_->socket == nullptr) return nullptr;
  session_->socket->set_user(session_);
  return std::exchange(session_, nullptr);
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

namespace {

void accept_fresh(RealtimeCore& core, const Connecting& connecting) {
  auto pending = PendingSession::open(core, connecting, UserId());
  if (!pending) return;
  endpoint::PendingConnect::Accept accept;
  if (RecoveryState* const recovery = (*pending)->recovery.get()) {
    accept.pid = make_pid(core.context.random);
    std::ranges::copy(accept.pid, recovery->pid.begin());
    recovery->last_position = core.context.recovery.position();
  }
  ClientSession* const session = std::move(*pending).accept(connecting, std::move(accept));
  if (session == nullptr) return;
  const bool is_whole = memory::survive([&] {
    announce_session(core, *session);
    send_hello(core, *session, connecting);
    check_soon(core, *session);
  });
  if (!is_whole) session->on_event_lost();  // its client comes back
}

// ---- who it is
// -----------------------------------------------------------------------------------

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

// kUnauthenticated, or who it is; what is too busy to answer is asked again until the transport
// has gone: a client does not come back by itself after a refusal.
Task<Result<Identity>> look_up_session(RealtimeCore& core, TokenHash token) {
  for (;;) {
    Result<Identity> identity = co_await ask(
        core.context.queries, chat::Lane::kUrgent, nullptr, [&](chat::Snapshot& snapshot) {
          return authenticate(snapshot, token, core.context.lifetimes.wall(), core.context.options);
        });
    if (identity || identity.error().code == ErrorCode::kUnauthenticated) co_return identity;
    co_await core.later(kConnectRetryMs);
  }
}

// Nothing: nobody, in open mode.
Task<Result<std::optional<Identity>>> find_out_who(RealtimeCore& core,
                                                   const std::optional<TokenHash>& token) {
  const bool may_be_nobody = core.context.options.auth == AuthMode::kOpen;
  if (token) {
    Result<Identity> identity = co_await look_up_session(core, *token);
    if (identity) {
      core.context.activity.session_used(identity->session, identity->last_used_at);
      co_return std::optional<Identity>(std::move(*identity));
    }
    // An ended session is nobody: fine in open mode only.
    if (!may_be_nobody) {
      co_await core.later(kRefusalDelayMs);
      co_return std::unexpected(std::move(identity.error()));
    }
  } else if (!may_be_nobody) {
    co_return fail(ErrorCode::kUnauthenticated, "Log in first: auth {token} or the cookie.");
  }
  co_return std::optional<Identity>();
}

// Ends where it waits once the transport has gone.
Task<void> connect(RealtimeCore& core, Connecting connecting, std::int64_t wait) {
  if (wait > 0) co_await core.later(wait);
  auto identity = co_await find_out_who(core, connecting.token);
  if (!identity) co_return refuse_connect(core, connecting.pending, identity.error());
  if (!*identity) connecting.token.reset();
  connecting.identity = std::move(*identity);
  if (connecting.uses_recovery && !connecting.pid.empty()) {
    const bool recovered = co_await recover(core, connecting);
    if (recovered) co_return;
  }
  accept_fresh(core, connecting);
}

}  // namespace

void connect_socket(RealtimeCore& core, const endpoint::ConnectRequest& request,
                    endpoint::PendingConnect pending) {
  // It counts as an event of its connection, or leaving and coming again would be free. One past
  // the longest delay has not waited for its turn sixty times over: no client does that.
  const std::int64_t wait = core.context.limiter.take(
      Rate::kEventsOfConnection, request.session_tag, core.context.options.rate_delay_max_ms);
  if (wait < 0) return pending.close();

  Connecting connecting;
  connecting.pending = pending;
  connecting.token = token_of(request);
  connecting.uses_recovery =
      request.auth["recovery"].as_bool().value_or(core.context.options.recovery_default);
  if (request.pid && request.offset) {
    connecting.pid = *request.pid;
    connecting.offset = *request.offset;
  }
  core.start(connect(core, std::move(connecting), wait), [pending] { return pending.alive(); });
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
