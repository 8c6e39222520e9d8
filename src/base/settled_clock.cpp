#include "base/settled_clock.hpp"

#include <cstdlib>

#include "base/log.hpp"

namespace maru {

SettledClock::SettledClock(const Clock& clock)
    : clock_(clock), offset_ms_(clock.wall().ms - clock.monotonic().ms) {}

WallTime SettledClock::wall() const {
  const std::int64_t monotonic = clock_.monotonic().ms;
  const WallTime wall = clock_.wall();
  const std::int64_t believed = offset_ms_.load();
  const std::int64_t drift = wall.ms - monotonic - believed;
  const std::int64_t jump = jump_ms_.load();
  if (std::abs(drift) <= kJumpMs) {
    if (drift != 0) offset_ms_.store(wall.ms - monotonic);
    if (jump != 0) jump_ms_.store(0);
    return wall;
  }
  if (std::abs(drift - jump) > kJumpMs) {
    jumped_at_ms_.store(monotonic);
    jump_ms_.store(drift);
    log::warn("clock_jumped", {{"by_ms", drift}, {"believed_after_ms", kSettleMs}});
  } else if (monotonic - jumped_at_ms_.load() >= kSettleMs) {
    offset_ms_.store(wall.ms - monotonic);
    jump_ms_.store(0);
    log::warn("clock_believed", {{"by_ms", drift}});
    return wall;
  }
  return {monotonic + believed};
}

}  // namespace maru
