#include "gateway/session_expiry.hpp"

#include <cstdlib>

#include "base/log.hpp"

namespace maru::gateway {
namespace {

void expire_once(chat::CommandLog& commands, WallTime idle_since, bool keep_guests) {
  chat::Command command{chat::ExpireSessions{idle_since, keep_guests},
                        [&commands, idle_since, keep_guests](chat::Reply reply) {
                          if (!reply) {
                            log::warn("session_expiry_failed",
                                      {{"code", to_string(reply.error().code)}});
                            return;
                          }
                          if (std::get<chat::Done>(*reply).more)
                            expire_once(commands, idle_since, keep_guests);
                        }};
  if (!commands.submit(std::move(command))) log::warn("session_expiry_put_off");
}

}  // namespace

SessionExpiry::SessionExpiry(chat::CommandLog& commands, const Clock& clock,
                             const GatewayOptions& options)
    : commands_(commands),
      clock_(clock),
      options_(options),
      last_wall_(clock.wall()),
      last_monotonic_(clock.monotonic()),
      settled_at_ms_(last_monotonic_.ms) {}

bool SessionExpiry::has_jumped() {
  const WallTime wall = clock_.wall();
  const MonotonicTime monotonic = clock_.monotonic();
  const std::int64_t drift = (wall.ms - last_wall_.ms) - (monotonic.ms - last_monotonic_.ms);
  last_wall_ = wall;
  last_monotonic_ = monotonic;
  if (std::abs(drift) > kJumpMs) {
    log::warn("session_expiry_put_off", {{"reason", "the clock has jumped"}, {"by_ms", drift}});
    settled_at_ms_ = monotonic.ms + kSettleMs;
  }
  return monotonic.ms < settled_at_ms_;
}

void SessionExpiry::run() {
  if (has_jumped()) return;
  expire_once(commands_, WallTime{clock_.wall().ms - options_.session_idle_ms},
              options_.auth == AuthMode::kOpen);
}

}  // namespace maru::gateway
