// A CONNECT on its way through readers and soft state, and how a session comes of it: what
// connect.cpp and recover.cpp share. Owner I/O thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "endpoint/socket.hpp"
#include "fanout/recovery/recoverable_socket.hpp"
#include "gateway/events/realtime_core.hpp"
#include "gateway/identity/auth.hpp"

namespace maru::gateway {

// How long a CONNECT waits before it asks again what was too busy to answer, and how often it does:
// then the client begins afresh, or its time-out ends it.
inline constexpr std::int64_t kConnectRetryMs = 500;
inline constexpr int kConnectRetriesMax = 20;

struct Connecting {
  endpoint::PendingConnect pending;
  std::optional<TokenHash> token;
  bool uses_recovery = false;
  std::string pid;  // of the connection to recover; empty: a fresh one is wanted
  std::string offset;
  std::optional<Identity> identity;
};

void refuse_connect(RealtimeCore& core, const endpoint::PendingConnect& pending,
                    const Error& error);

// A session that has no socket yet: registered first, accepted then, so that nothing for its user
// or login session is missed from here on. It goes again with this, unless it was accepted.
class PendingSession {
 public:
  // `speaks_for` is the login's user, or whom the earlier socket named last (open mode). Nothing:
  // the user has too many connections, and the CONNECT was refused for it.
  static std::optional<PendingSession> open(RealtimeCore& core, const Connecting& connecting,
                                            UserId speaks_for);
  PendingSession(PendingSession&& other) noexcept
      : core_(other.core_), session_(std::exchange(other.session_, nullptr)) {}
  PendingSession& operator=(PendingSession&&) = delete;
  PendingSession(const PendingSession&) = delete;
  PendingSession& operator=(const PendingSession&) = delete;
  ~PendingSession();

  // It stays where it is for as long as this has it.
  [[nodiscard]] ClientSession& operator*() const { return *session_; }
  [[nodiscard]] ClientSession* operator->() const { return session_; }
  // Null: its transport has gone.
  ClientSession* accept(const Connecting& connecting, endpoint::PendingConnect::Accept accept) &&;

 private:
  PendingSession(RealtimeCore& core, ClientSession& session) : core_(core), session_(&session) {}

  RealtimeCore& core_;
  ClientSession* session_;  // null: accepted
};
void unregister_session(RealtimeCore& core, ClientSession& session);

// The socket was accepted, and `hello` with the session's position is next: presence and recovery
// learn of it.
void announce_session(RealtimeCore& core, const ClientSession& session);
void send_hello(RealtimeCore& core, const ClientSession& session, const Connecting& connecting);

// Goes on where the socket of connecting.pid was. False: it cannot, a fresh one is wanted.
Task<bool> recover(RealtimeCore& core, const Connecting& connecting);
// What a socket with recovery leaves behind; once, later calls do nothing.
void leave_behind(RealtimeCore& core, ClientSession& session, bool is_recoverable);

[[nodiscard]] inline fanout::SocketOwner owner_of(const RealtimeCore& core,
                                                  const ClientSession& session) {
  return {session.key, core.context.thread.index()};
}

}  // namespace maru::gateway
