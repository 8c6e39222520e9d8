// CONNECT: who it is, fresh or recovered, and the session that comes of it. Owner I/O thread only.
#pragma once

#include <cstdint>
#include <memory>

#include "endpoint/socket.hpp"
#include "gateway/events/realtime_core.hpp"
#include "gateway/identity/auth.hpp"

namespace maru::gateway {

// What is kept of the request that opened an Engine.IO session.
class Handshake final : public endpoint::HandshakeData {
 public:
  // With a cookie the session is bound to it (quality.md 1, row 25).
  TokenSource source = TokenSource::kNone;
  TokenHash token{};
  // In open mode: whose share of the reading it is as long as it speaks for nobody.
  std::uint64_t network = 0;  // RateLimiter::key_of_network()
};

// Answers `pending` now or later, and never if it cannot be answered at present: then the connect
// time-out closes the connection and the client comes back by itself, which it does not after a
// refusal.
void connect_socket(RealtimeCore& core, const endpoint::ConnectRequest& request,
                    endpoint::PendingConnect pending);

// The socket has gone: what it leaves behind, and out of every table.
void disconnect_socket(RealtimeCore& core, ClientSession& session,
                       endpoint::DisconnectReason reason);

}  // namespace maru::gateway
