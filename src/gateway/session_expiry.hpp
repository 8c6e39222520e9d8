// Ends the login sessions that nobody has used for options.session_idle_ms. app/ calls run() from
// time to time (an hour is often enough), one thread. One round at a time goes on by itself while
// there is more; a full command log ends it until the next call.
//
// Idle time is wall time, and an ended guest does not come back: after the wall clock has jumped
// against the monotonic one nothing is ended for a day, in which a wrong clock is put right.
#pragma once

#include "base/clock.hpp"
#include "chat/ports.hpp"
#include "gateway/options.hpp"

namespace maru::gateway {

class SessionExpiry {
 public:
  static constexpr std::int64_t kJumpMs = 10 * 60 * 1000;
  static constexpr std::int64_t kSettleMs = 24LL * 60 * 60 * 1000;

  // All three, and what replies need of them, outlive the object; `commands` its replies, too.
  SessionExpiry(chat::CommandLog& commands, const Clock& clock, const GatewayOptions& options);

  void run();

 private:
  bool has_jumped();

  chat::CommandLog& commands_;
  const Clock& clock_;
  const GatewayOptions& options_;
  WallTime last_wall_;
  MonotonicTime last_monotonic_;
  std::int64_t settled_at_ms_;  // monotonic
};

}  // namespace maru::gateway
