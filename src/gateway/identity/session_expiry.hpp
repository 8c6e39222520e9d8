// Ends the login sessions that nobody has used for options.session_idle_ms. app/ calls run() from
// time to time (an hour is often enough), one thread. One round at a time goes on by itself while
// there is more; a full command log ends it until the next call.
//
// An ended guest does not come back, so the clock is one that a jump of the wall clock does not
// touch: SettledClock.
#pragma once

#include "base/clock.hpp"
#include "chat/ports/command_log.hpp"
#include "gateway/options.hpp"

namespace maru::gateway {

class SessionExpiry {
 public:
  // All three, and what replies need of them, outlive the object; `commands` its replies, too.
  SessionExpiry(chat::CommandLog& commands, const Clock& lifetimes, const GatewayOptions& options)
      : commands_(commands), lifetimes_(lifetimes), options_(options) {}

  void run();

 private:
  chat::CommandLog& commands_;
  const Clock& lifetimes_;
  const GatewayOptions& options_;
};

}  // namespace maru::gateway
