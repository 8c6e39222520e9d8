// When idle sessions are ended, also under a clock that jumps.
#include "gateway/identity/session_expiry.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "base/settled_clock.hpp"

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
  SettledClock settled{clock};
  SessionExpiry expiry{commands, settled, options};
};

TEST_F(SessionExpiryTest, EndsWhatIsIdleForLongEnough) {
  EXPECT_EQ(asked_within(3 * kHourMs), 3u);
  EXPECT_EQ(commands.asked.back().idle_since.ms, clock.wall().ms - options.session_idle_ms);
}

TEST_F(SessionExpiryTest, AJumpThatIsPutRightEndsNobody) {
  const std::int64_t start = clock.wall().ms;
  jump_ms(40 * kDayMs);
  EXPECT_EQ(asked_within(5 * kHourMs), 5u);
  jump_ms(-40 * kDayMs);
  EXPECT_EQ(asked_within(5 * kHourMs), 5u);
  for (const chat::ExpireSessions& one : commands.asked) {
    EXPECT_LE(one.idle_since.ms, start + 10 * kHourMs - options.session_idle_ms);
  }
}

TEST_F(SessionExpiryTest, AClockThatStaysIsBelievedAfterADay) {
  jump_ms(40 * kDayMs);
  asked_within(2 * kDayMs);
  EXPECT_EQ(commands.asked.back().idle_since.ms, clock.wall().ms - options.session_idle_ms);
}

}  // namespace
}  // namespace maru::gateway
