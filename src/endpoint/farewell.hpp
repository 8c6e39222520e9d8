// How a session is ended, by the reason for it: the one table of which ends are a good-bye and
// after which ones clients shall come back (docs/api, "When a connection ends"). Any thread.
#pragma once

#include <cstdint>

#include "endpoint/socket.hpp"

namespace maru::endpoint {

// What a polling client hears, and a WebSocket.
enum class Farewell : std::uint8_t {
  // The first packets of what is queued (one answer), else `1`, on the pending GET; a later GET
  // finds no session. A close frame.
  kPendingOnly,
  // What is queued, then `1`; kept a while for GETs that are still to come. A close frame.
  kKept,
  // It said good-bye itself: `6` on the pending or the next GET. A close frame.
  kNoop,
  // As if the server had been lost: what is queued, and no more. The pending GET's connection ends
  // without an answer, a WebSocket's without a close frame. `1` and a close frame are a good-bye to
  // many stock clients (Python, Java, Rust, C++, .NET), after which they do not come back.
  kComeBack,
};

[[nodiscard]] Farewell farewell_of(DisconnectReason reason);

}  // namespace maru::endpoint
