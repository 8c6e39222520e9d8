#include "base/settled_clock.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace maru {
namespace {

constexpr std::int64_t kHourMs = 60 * 60 * 1000;
constexpr std::int64_t kDayMs = 24 * kHourMs;
constexpr std::int64_t kYearMs = 365 * kDayMs;

class SettledClockTest : public ::testing::Test {
 protected:
  void jump_ms(std::int64_t ms) { clock.set_wall({clock.wall().ms + ms}); }
  [[nodiscard]] std::int64_t passed_ms() const { return settled.wall().ms - start; }

  ManualClock clock;
  SettledClock settled{clock};
  const std::int64_t start = clock.wall().ms;
};

TEST_F(SettledClockTest, FollowsTheWallClock) {
  clock.advance_ms(40 * kDayMs);
  EXPECT_EQ(passed_ms(), 40 * kDayMs);
  EXPECT_EQ(settled.monotonic(), clock.monotonic());
}

TEST_F(SettledClockTest, GoesOnFromBeforeAJump) {
  for (const std::int64_t by :
       {40 * kDayMs, -40 * kDayMs, kHourMs, -kHourMs, -10 * kYearMs, SettledClock::kJumpMs + 1}) {
    SCOPED_TRACE(by);
    const std::int64_t before = passed_ms();
    jump_ms(by);
    clock.advance_ms(2'000);
    EXPECT_EQ(passed_ms(), before + 2'000);
    clock.advance_ms(SettledClock::kSettleMs - 1);
    EXPECT_EQ(passed_ms(), before + 2'000 + SettledClock::kSettleMs - 1);
    jump_ms(-by);
    EXPECT_EQ(settled.wall(), clock.wall());
  }
}

TEST_F(SettledClockTest, AClockThatStaysIsBelievedAfterADay) {
  jump_ms(40 * kDayMs);
  EXPECT_EQ(passed_ms(), 0);
  clock.advance_ms(SettledClock::kSettleMs);
  EXPECT_EQ(settled.wall(), clock.wall());
  clock.advance_ms(kHourMs);
  EXPECT_EQ(settled.wall(), clock.wall());
}

TEST_F(SettledClockTest, EachJumpHasItsOwnDay) {
  jump_ms(-kYearMs);
  EXPECT_EQ(passed_ms(), 0);
  clock.advance_ms(SettledClock::kSettleMs - 1);
  EXPECT_EQ(passed_ms(), SettledClock::kSettleMs - 1);
  jump_ms(kYearMs + 40 * kDayMs);
  clock.advance_ms(1);
  EXPECT_EQ(passed_ms(), SettledClock::kSettleMs);
  clock.advance_ms(SettledClock::kSettleMs - 2);
  EXPECT_EQ(passed_ms(), 2 * SettledClock::kSettleMs - 2);
}

TEST_F(SettledClockTest, ASteppingClockIsNoJump) {
  for (const std::int64_t by : {SettledClock::kJumpMs, -SettledClock::kJumpMs}) {
    jump_ms(by);
    EXPECT_EQ(settled.wall(), clock.wall());
  }
}

}  // namespace
}  // namespace maru
