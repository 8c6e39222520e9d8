// What one endpoint counts, for /metrics. Written by its I/O thread, read by any.
#pragma once

#include <array>
#include <cstdint>

#include "base/counter.hpp"
#include "endpoint/socket.hpp"

namespace maru::endpoint {

inline constexpr std::size_t kDisconnectReasonCount =
    static_cast<std::size_t>(DisconnectReason::kSlowConsumer) + 1;
// Codes 0 to 5 of protocol.md 1.4.
inline constexpr std::size_t kEngineErrorCount = 6;

struct EndpointCounters {
  Counter sessions_open{0};
  Counter sessions_opened{0};
  Counter sessions_turned_away{0};  // the lobby was full
  Counter sessions_upgraded{0};
  Counter sockets_open{0};
  Counter messages_received{0};
  Counter moved_connections{0};  // handed to the thread that owns their session
  std::array<Counter, kEngineErrorCount> refused{};
  std::array<Counter, kDisconnectReasonCount> closed{};  // sessions, by reason
};

}  // namespace maru::endpoint
