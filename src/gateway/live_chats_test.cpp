#include "gateway/live_chats.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "chat/testing/quiet_bus.hpp"
#include "gateway/flow.hpp"
#include "gateway/testing/fake_snapshot.hpp"

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

// A task of this thread that reads live: the snapshots are the heads that the test gives.
class ReadLiveTest : public ::testing::Test {
 protected:
  class HeadsOnly final : public testing::FakeSnapshot {
   public:
    HeadsOnly(const chat::testing::FakeStore& store, std::uint64_t head)
        : FakeSnapshot(store), head_(head) {}
    Result<Sequence> head(ChatId) override { return Sequence{head_}; }

   private:
    std::uint64_t head_;
  };

  static Task<void> read(ReadLiveTest& test, chat::EventBus& bus) {
    test.answer = co_await read_live(
        bus, std::vector<ChatId>(1, ChatId()),
        [&](auto look) {
          return called_back<Result<int>>(
              [&test, look = std::move(look)](const Giver<Result<int>>&) mutable {
                HeadsOnly snapshot(test.store, test.stored);
                ++test.reads;
                return std::optional<Result<int>>(look(snapshot));
              });
        },
        [&](std::int64_t ms) {
          test.pauses.push_back(ms);
          return called_back<bool>([&test](Giver<bool> give) {
            test.pause = std::make_unique<Giver<bool>>(std::move(give));
            return std::optional<bool>();
          });
        },
        [](chat::Snapshot&) { return Result<int>(7); });
  }
  void end_pause() {
    const auto ended = std::move(pause);
    (*ended)(true);
  }
  void run_jobs() {
    for (Job& job : std::exchange(jobs, {})) job();
  }

  bool here = true;
  std::vector<Job> jobs;
  chat::testing::FakeStore store;
  std::uint64_t stored = 0;  // the head
  int reads = 0;
  std::vector<std::int64_t> pauses;
  std::unique_ptr<Giver<bool>> pause;
  std::optional<Result<int>> answer;
  TaskRunner runner{{[this](Job job) { jobs.push_back(std::move(job)); }, [this] { return here; }}};
};

TEST_F(ReadLiveTest, OnOneNodeTheFirstSnapshotWillDo) {
  chat::testing::QuietBus bus;
  runner.start(read(*this, bus));
  ASSERT_TRUE(answer);
  EXPECT_EQ(**answer, 7);
  EXPECT_EQ(reads, 1);
  EXPECT_TRUE(jobs.empty());  // not even a turn of the loop later
}

TEST_F(ReadLiveTest, TheBusIsAskedBeforeAnythingIsRead) {
  SlowBus bus;
  runner.start(read(*this, bus));
  EXPECT_EQ(bus.asked.size(), 1u);
  EXPECT_EQ(reads, 0);
  here = false;
  bus.answer(heads({0}));
  here = true;
  EXPECT_EQ(reads, 0);
  run_jobs();
  EXPECT_EQ(reads, 1);
  EXPECT_TRUE(answer && *answer);
}

TEST_F(ReadLiveTest, AStaleSnapshotIsReadAgainAfterAPause) {
  SlowBus bus;
  runner.start(read(*this, bus));
  bus.answer(heads({4}));
  EXPECT_EQ(reads, 1);
  stored = 3;
  end_pause();
  EXPECT_FALSE(answer);
  stored = 4;
  end_pause();
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ(reads, 3);
  EXPECT_EQ(pauses, (std::vector<std::int64_t>{Floors::kPauseMs, Floors::kPauseMs}));
}

TEST_F(ReadLiveTest, AStoreThatStaysBehindIsUnavailable) {
  SlowBus bus;
  runner.start(read(*this, bus));
  bus.answer(heads({1}));
  while (pause) end_pause();
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(reads, 1 + Floors::kReadsAgainMax);
}

TEST_F(ReadLiveTest, ABusThatDoesNotGetThroughIsUnavailableUnread) {
  SlowBus bus;
  runner.start(read(*this, bus));
  bus.answer(fail(ErrorCode::kUnavailable, "no"));
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(reads, 0);
}

TEST_F(ReadLiveTest, ABusThatDropsTheQuestionEndsTheTask) {
  {
    SlowBus bus;
    runner.start(read(*this, bus));
    EXPECT_EQ(runner.running(), 1u);
  }
  EXPECT_EQ(runner.running(), 0u);
  EXPECT_FALSE(answer);
}

}  // namespace
}  // namespace maru::gateway
