// `hello {epoch,serverTime,user,limits,features}`, right after connect. With an offset where the
// socket uses connection state recovery, so that a client that hears nothing else recovers too.
#pragma once

#include <optional>
#include <string>

#include "chat/model.hpp"
#include "gateway/identity/auth.hpp"
#include "gateway/options.hpp"
#include "net/frame.hpp"
#include "wire/wire_event.hpp"

namespace maru::gateway {

// `position` 0: without an offset. `identity` null: nobody yet (open mode).
[[nodiscard]] net::TextFrame make_hello(const GatewayOptions& options, WallTime now,
                                        const Identity* identity, wire::Position position);

}  // namespace maru::gateway
