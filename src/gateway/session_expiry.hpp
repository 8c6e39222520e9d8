// Ends the login sessions that nobody has used for options.session_idle_ms. app/ calls it from time
// to time (an hour is often enough); any thread. One round at a time goes on by itself while there
// is more; a full command log ends it until the next call.
#pragma once

#include "base/clock.hpp"
#include "chat/ports.hpp"
#include "gateway/options.hpp"

namespace maru::gateway {

// `commands` must outlive its replies.
void expire_sessions(chat::CommandLog& commands, const Clock& clock, const GatewayOptions& options);

}  // namespace maru::gateway
