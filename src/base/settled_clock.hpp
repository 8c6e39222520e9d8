// The clock that lifetimes are counted by: of sessions, idempotency keys, failed logins. It is the
// wall clock, but where that has jumped against the monotonic one by more than kJumpMs it goes on
// from before the jump, for kSettleMs: in that time a wrong clock is put right. A clock that then
// still says so is believed. So a wall clock that is wrong for an hour ends nothing, and time that
// has truly passed does.
//
// A time that is compared with this clock is also taken from it. What people are shown is stamped
// by the wall clock itself. Any thread; lock-free. It sees a jump when it is next asked, however
// much later, but for a jump that was put right in between.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.hpp"

namespace maru {

class SettledClock final : public Clock {
 public:
  static constexpr std::int64_t kJumpMs = 10 * 60 * 1000;
  static constexpr std::int64_t kSettleMs = 24LL * 60 * 60 * 1000;

  explicit SettledClock(const Clock& clock);  // which outlives it
  [[nodiscard]] WallTime wall() const override;
  [[nodiscard]] MonotonicTime monotonic() const override { return clock_.monotonic(); }

 private:
  const Clock& clock_;
  // Wall time less monotonic time, as believed.
  mutable std::atomic<std::int64_t> offset_ms_;
  // How far the wall clock is off that; 0: it is not.
  mutable std::atomic<std::int64_t> jump_ms_{0};
  mutable std::atomic<std::int64_t> jumped_at_ms_{0};  // monotonic; written before jump_ms_
};

}  // namespace maru
