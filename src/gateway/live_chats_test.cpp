#include "gateway/live_chats.hpp"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <optional>
#include <thread>

#include "base/clock.hpp"
#include "chat/testing/quiet_bus.hpp"

namespace maru::gateway {
namespace {

using Verdict = Floors::Verdict;

// Answers when it is told to.
class SlowBus final : public chat::testing::QuietBus {
 public:
  void when_live(std::vector<ChatId> chats, Live answer) override {
    asked = std::move(chats);
    answer_ = std::move(answer);
  }
  void answer(Result<Floors> floors) { answer_(std::move(floors)); }
  std::vector<ChatId> asked;

 private:
  Live answer_;
};

std::vector<Sequence> heads(std::initializer_list<std::uint64_t> values) {
  std::vector<Sequence> out;
  for (const std::uint64_t value : values) out.push_back({value});
  return out;
}

TEST(Floors, OfOneNodeBelieveAnySnapshot) {
  Floors none;
  EXPECT_EQ(none.judge(heads({})), Verdict::kFresh);
  EXPECT_EQ(none.judge(heads({0, 7})), Verdict::kFresh);
  Floors zeros(heads({0, 0}));
  EXPECT_EQ(zeros.judge(heads({0, 7})), Verdict::kFresh);
}

TEST(Floors, OneHeadBelowItsFloorMakesASnapshotStale) {
  Floors floors(heads({3, 5}));
  EXPECT_EQ(floors.judge(heads({3, 4})), Verdict::kReadAgain);
  EXPECT_EQ(floors.judge(heads({2, 9})), Verdict::kReadAgain);
  EXPECT_EQ(floors.judge(heads({0, 5})), Verdict::kReadAgain);  // a chat not known there yet
  EXPECT_EQ(floors.judge(heads({3, 5})), Verdict::kFresh);
  EXPECT_EQ(floors.judge(heads({9, 9})), Verdict::kFresh);
}

TEST(Floors, AreGivenUpAfterFiveMoreReads) {
  Floors floors(heads({1}));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(floors.judge(heads({0})), Verdict::kReadAgain);
  EXPECT_EQ(floors.judge(heads({0})), Verdict::kStale);
  EXPECT_EQ(stale_snapshot().code, ErrorCode::kUnavailable);
}

class WhenLiveTest : public ::testing::Test {
 protected:
  void ask(chat::EventBus& bus) {
    when_live(bus, thread, {ChatId(), ChatId()}, [this](Result<Floors> floors) {
      ++answers;
      ran_on = std::this_thread::get_id();
      answer = std::move(floors);
    });
  }

  ManualClock clock;
  net::IoThread thread{0, {}, clock};
  std::optional<Result<Floors>> answer;
  std::thread::id ran_on;
  int answers = 0;
};

TEST_F(WhenLiveTest, AnAnswerFromElsewhereComesBackAsATask) {
  SlowBus bus;
  ask(bus);
  EXPECT_EQ(bus.asked.size(), 2u);
  std::thread([&] { bus.answer(heads({4, 0})); }).join();
  EXPECT_EQ(answers, 0);
  thread.turn();
  ASSERT_EQ(answers, 1);
  EXPECT_EQ(ran_on, std::this_thread::get_id());
  ASSERT_TRUE(*answer);
  EXPECT_EQ((*answer)->judge(heads({3, 0})), Verdict::kReadAgain);
  EXPECT_EQ((*answer)->judge(heads({4, 0})), Verdict::kFresh);
}

TEST_F(WhenLiveTest, ABusThatDoesNotGetThroughIsUnavailable) {
  SlowBus bus;
  ask(bus);
  bus.answer(fail(ErrorCode::kUnavailable, "no"));
  thread.turn();
  ASSERT_EQ(answers, 1);
  ASSERT_FALSE(*answer);
  EXPECT_EQ(answer->error().code, ErrorCode::kUnavailable);
}

TEST_F(WhenLiveTest, WithinTheCallOnOneNode) {
  chat::testing::QuietBus bus;
  thread.start(-1, nullptr);
  std::promise<int> within;
  thread.post([&] {
    ask(bus);
    within.set_value(answers);
  });
  EXPECT_EQ(within.get_future().get(), 1);
  thread.stop();
  EXPECT_TRUE(*answer);
}

}  // namespace
}  // namespace maru::gateway
