#include "commandlog/local/local_command_log.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "chat/testing/core_harness.hpp"

namespace maru::local {
namespace {

using std::chrono::milliseconds;

class LocalCommandLogTest : public ::testing::Test {
 protected:
  chat::Command command() {
    return {chat::TouchActivity{}, [this](chat::Reply) { ++answers; }};
  }
  std::vector<chat::Command> take() {
    std::vector<chat::Command> taken;
    EXPECT_TRUE(log.take(taken, milliseconds(0)));
    return taken;
  }
  [[nodiscard]] MonotonicTime in(std::int64_t ms) const { return {clock.monotonic().ms + ms}; }

  SystemClock clock;
  chat::testing::SeededIds ids;
  LocalCommandLog log{clock, ids, 2};
  std::atomic<int> answers{0};
};

TEST_F(LocalCommandLogTest, CarriesCommandsInOrderWithTheirIds) {
  ASSERT_TRUE(log.submit({chat::SendMessage{{}, {}, "x", "first"}, {}}));
  ASSERT_TRUE(log.submit({chat::OpenGuest{"a", "a", chat::GuestRule::kNameMustBeFree, {}}, {}}));
  EXPECT_EQ(log.waiting(), 2u);
  const auto taken = take();
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(chat::name_of(taken[0]), "first");
  EXPECT_FALSE(taken[1].id.is_zero());
  EXPECT_FALSE(taken[0].redelivered);
  EXPECT_FALSE(std::get<chat::OpenGuest>(taken[1].body).user.is_zero());
  EXPECT_EQ(log.waiting(), 0u);
  EXPECT_TRUE(take().empty());
}

TEST_F(LocalCommandLogTest, RefusesWhenItIsFullOrClosedAndLosesNothingThatWaits) {
  ASSERT_TRUE(log.submit(command()));
  ASSERT_TRUE(log.submit(command()));
  chat::Command refused = command();
  EXPECT_FALSE(log.submit(std::move(refused)));
  EXPECT_TRUE(refused.reply) << "a refused command stays with its caller";
  log.close();
  log.close();
  EXPECT_EQ(take().size(), 2u);
  EXPECT_FALSE(log.submit(std::move(refused)));
  EXPECT_TRUE(refused.reply);
  std::vector<chat::Command> taken;
  EXPECT_FALSE(log.take(taken, milliseconds(10'000))) << "closed and empty";
}

TEST_F(LocalCommandLogTest, SettlesWhenAllThatWasSubmittedBeforeIsAnswered) {
  ASSERT_TRUE(log.submit(command()));
  ASSERT_TRUE(log.submit(command()));  // full: even so it waits for its turn
  std::thread lane([&] {
    for (std::vector<chat::Command> taken; log.take(taken, milliseconds(10));) {
      for (chat::Command& one : taken) one.reply(chat::Done{});
    }
  });
  log.settle(in(60'000));
  EXPECT_EQ(answers.load(), 2);
  log.close();
  lane.join();
  log.settle(in(60'000));  // nobody takes any more, and nothing waits
}

TEST_F(LocalCommandLogTest, SettlesNoLongerThanItMay) {
  ASSERT_TRUE(log.submit(command()));
  log.settle(in(20));
  ASSERT_FALSE(log.submit(command())) << "the first barrier is in there";
  log.settle(in(20));
  EXPECT_EQ(answers.load(), 0);
}

}  // namespace
}  // namespace maru::local
