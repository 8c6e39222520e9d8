// When idle sessions are ended, and when the clock is not to be trusted with that.
#include "gateway/session_expiry.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace maru::gateway {
namespace {

constexpr std::int64_t kHourMs = 60 * 60 * 1000;
constexpr std::int64_t kDayMs = 24 * kHourMs;

class NotedCommands final : public chat::CommandLog {
 public:
  bool submit(chat::Command&& command) override {
    asked.push_back(std::get<chat::ExpireSessions>(command.body));
    return true;
  }
  std::vector<chat::ExpireSessions> asked;
};

class SessionExpiryTest : public ::testing::Test {
 protected:
  void jump_ms(std::int64_t ms) { clock.set_wall({clock.wall().ms + ms}); }
  // Hourly calls.
  std::size_t asked_within(std::int64_t ms) {
    const std::size_t before = commands.asked.size();
    for (std::int64_t passed = 0; passed < ms; passed += kHourMs) {
      clock.advance_ms(kHourMs);
      expiry.run();
    }
    return commands.asked.size() - before;
  }

  ManualClock clock;
  NotedCommands commands;
  GatewayOptions options;
  SessionExpiry expiry{commands, clock, options};
};

TEST_F(SessionExpiryTest, EndsWhatIsIdleForLongEnough) {
  EXPECT_EQ(asked_within(3 * kHourMs), 3u);
  EXPECT_EQ(commands.asked.back().idle_since.ms, clock.wall().ms - options.session_idle_ms);
}

TEST_F(SessionExpiryTest, AJumpThatIsPutRightEndsNobody) {
  jump_ms(40 * kDayMs);
  EXPECT_EQ(asked_within(5 * kHourMs), 0u);
  jump_ms(-40 * kDayMs);
  EXPECT_EQ(asked_within(kDayMs), 0u);
  EXPECT_GT(asked_within(kDayMs), 0u);
  for (const chat::ExpireSessions& one : commands.asked) {
    EXPECT_LE(one.idle_since.ms, clock.wall().ms - options.session_idle_ms);
  }
}

TEST_F(SessionExpiryTest, AClockThatStaysIsBelievedAfterADay) {
  jump_ms(40 * kDayMs);
  EXPECT_EQ(asked_within(kDayMs), 0u);
  EXPECT_GT(asked_within(kDayMs), 0u);
}

TEST_F(SessionExpiryTest, ASteppingClockIsNoJump) {
  jump_ms(SessionExpiry::kJumpMs);
  EXPECT_EQ(asked_within(kHourMs), 1u);
  jump_ms(-SessionExpiry::kJumpMs);
  EXPECT_EQ(asked_within(kHourMs), 1u);
  jump_ms(SessionExpiry::kJumpMs + 1);
  EXPECT_EQ(asked_within(kHourMs), 0u);
}

}  // namespace
}  // namespace maru::gateway
