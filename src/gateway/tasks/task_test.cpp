#include "gateway/tasks/task.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mailbox.hpp"
#include "base/memory.hpp"
#include "gateway/tasks/await.hpp"

namespace maru::gateway {
namespace {

// Says so when it ends.
struct Owed {
  explicit Owed(std::vector<std::string>& log, std::string what)
      : log_(&log), what_(std::move(what)) {}
  Owed(Owed&& other) noexcept
      : log_(std::exchange(other.log_, nullptr)), what_(std::move(other.what_)) {}
  ~Owed() {
    if (log_ != nullptr) log_->push_back(what_);
  }

 private:
  std::vector<std::string>* log_;
  std::string what_;
};

// A thread of its own by hand: `here` says whether the test plays it, `jobs` is its queue.
class TaskTest : public ::testing::Test {
 public:
  // Waits until the test calls, or drops, givers[i].
  auto wait() {
    return called_back<int>([this](Giver<int> give) {
      givers.push_back(std::make_unique<Giver<int>>(std::move(give)));
      return std::optional<int>();
    });
  }
  void give(std::size_t index, int value) {
    const auto giver = std::move(givers[index]);
    (*giver)(value);
  }
  void run_jobs() {
    for (Job& job : std::exchange(jobs, {})) job();
  }

  Task<int> sum_of_two() {
    const int first = co_await wait();
    const int second = co_await wait();
    co_return first + second;
  }
  Task<void> note_sum([[maybe_unused]] Owed owed) {
    const int sum = co_await sum_of_two();
    log.push_back("sum " + std::to_string(sum));
  }

  bool here = true;
  std::vector<Job> jobs;
  std::vector<std::string> log;
  std::vector<std::unique_ptr<Giver<int>>> givers;
  TaskRunner runner{{[this](Job job) { jobs.push_back(std::move(job)); }, [this] { return here; }}};
};

using Log = std::vector<std::string>;

TEST_F(TaskTest, RunsToItsEndThroughTasksThatItAwaits) {
  runner.start(note_sum(Owed(log, "ended")));
  EXPECT_EQ(runner.running(), 1U);
  give(0, 2);
  EXPECT_TRUE(log.empty());
  give(1, 3);
  EXPECT_EQ(log, (Log{"sum 5", "ended"}));
  EXPECT_EQ(runner.running(), 0U);
}

TEST_F(TaskTest, GoesOnOnItsOwnThreadOnly) {
  runner.start(note_sum(Owed(log, "ended")));
  give(0, 2);
  here = false;  // another thread has the value
  give(1, 3);
  here = true;
  EXPECT_TRUE(log.empty());
  run_jobs();
  EXPECT_EQ(log, (Log{"sum 5", "ended"}));
}

TEST_F(TaskTest, ADropAtAnyWaitEndsItWhereItIs) {
  for (const std::size_t dropped : {0U, 1U}) {
    log.clear();
    givers.clear();
    runner.start(note_sum(Owed(log, "ended")));
    for (std::size_t i = 0; i < dropped; ++i) give(i, 1);
    givers[dropped].reset();
    EXPECT_EQ(log, Log{"ended"}) << dropped;
    EXPECT_EQ(runner.running(), 0U);
  }
}

TEST_F(TaskTest, ADropOnAnotherThreadEndsItOnItsOwn) {
  runner.start(note_sum(Owed(log, "ended")));
  here = false;
  givers[0].reset();
  here = true;
  EXPECT_TRUE(log.empty());
  EXPECT_EQ(runner.running(), 1U);
  run_jobs();
  EXPECT_EQ(log, Log{"ended"});
}

TEST_F(TaskTest, WhatIsStillWaitingEndsWithTheRunner) {
  {
    TaskRunner other(
        {[this](Job job) { jobs.push_back(std::move(job)); }, [this] { return here; }});
    other.start(note_sum(Owed(log, "ended")));
    // A queue is emptied on another thread, and its own has ended: the job that says so never runs.
    here = false;
    givers[0].reset();
    here = true;
    EXPECT_TRUE(log.empty());
  }
  EXPECT_EQ(log, Log{"ended"});
  EXPECT_EQ(jobs.size(), 1U);
}

Task<void> refused_at_once(Log& log) {
  const int value = co_await called_back<int>([](Giver<int>) { return std::optional<int>(7); });
  log.push_back(std::to_string(value));
}

TEST_F(TaskTest, AStartThatIsRefusedAnswersAtOnce) {
  runner.start(refused_at_once(log));
  EXPECT_EQ(log, Log{"7"});
  EXPECT_EQ(runner.running(), 0U);
}

Task<void> answered_within(Log& log) {
  for (int i = 0; i < 3; ++i) {
    const int value = co_await called_back<int>([i](Giver<int> give) {
      give(i);
      return std::optional<int>();
    });
    log.push_back(std::to_string(value));
  }
}

TEST_F(TaskTest, AnAnswerWithinTheStartIsThereAtOnce) {
  runner.start(answered_within(log));
  EXPECT_EQ(log, (Log{"0", "1", "2"}));
  EXPECT_EQ(runner.running(), 0U);
  EXPECT_TRUE(jobs.empty());
}

// Another thread may be faster than the start that hands it the giver.
TEST_F(TaskTest, AnAnswerOfAnotherThreadWithinTheStartIsAJob) {
  here = false;
  runner.start(answered_within(log));
  EXPECT_TRUE(log.empty());
  here = true;
  run_jobs();  // the first; from here on the start is on its own thread
  EXPECT_EQ(log, (Log{"0", "1", "2"}));
  EXPECT_EQ(runner.running(), 0U);
}

TEST_F(TaskTest, WhatNobodyWantsEndsWhereItWaited) {
  bool wanted = true;
  runner.start(note_sum(Owed(log, "ended")), [&] { return wanted; });
  give(0, 2);
  EXPECT_TRUE(log.empty());
  wanted = false;
  EXPECT_EQ(runner.running(), 1U);  // until it would go on
  give(1, 3);
  EXPECT_EQ(log, Log{"ended"});
  EXPECT_EQ(runner.running(), 0U);
}

TEST_F(TaskTest, WhatNobodyWantsEndsOnItsOwnThread) {
  runner.start(note_sum(Owed(log, "ended")), [] { return false; });
  here = false;
  give(0, 2);
  EXPECT_TRUE(log.empty());
  here = true;
  run_jobs();
  EXPECT_EQ(log, Log{"ended"});
}

// As tests have it whose queries run where they are asked.
TEST_F(TaskTest, JobsMayRunAtOnce) {
  TaskRunner at_once({[](Job job) { job(); }, [] { return true; }});
  at_once.start(answered_within(log));
  EXPECT_EQ(log, (Log{"0", "1", "2"}));
  EXPECT_EQ(at_once.running(), 0U);
}

Task<void> dropped_within(Log& log, [[maybe_unused]] Owed owed) {
  co_await called_back<int>([](const Giver<int>&) { return std::optional<int>(); });
  log.push_back("went on");
}

TEST_F(TaskTest, ADropWithinTheStartEndsIt) {
  runner.start(dropped_within(log, Owed(log, "ended")));
  EXPECT_EQ(log, Log{"ended"});
  EXPECT_EQ(runner.running(), 0U);
}

Task<int> without_memory() {
  throw std::bad_alloc();
  co_return 1;
}
Task<void> awaits_it(Log& log, [[maybe_unused]] Owed owed) {
  co_await without_memory();
  log.push_back("went on");
}

TEST_F(TaskTest, WantOfMemoryEndsTheTaskAndNothingElse) {
  const std::uint64_t failures = memory::failures();
  runner.start(awaits_it(log, Owed(log, "ended")));
  EXPECT_EQ(log, Log{"ended"});
  EXPECT_EQ(memory::failures(), failures + 1);
  EXPECT_EQ(runner.running(), 0U);
}

Task<void> starts_a_hundred(TaskTest& test) {
  for (int i = 0; i < 100; ++i) test.runner.start(test.note_sum(Owed(test.log, "ended")));
  co_return;
}

TEST_F(TaskTest, ATaskMayStartOthers) {
  runner.start(starts_a_hundred(*this));
  EXPECT_EQ(runner.running(), 100U);
  givers.clear();
  EXPECT_EQ(runner.running(), 0U);
  EXPECT_EQ(log.size(), 100U);
}

Task<void> over_threads(std::vector<std::thread>& threads, int& sum, std::atomic<bool>& done) {
  for (int i = 0; i < 100; ++i) {
    sum += co_await called_back<int>([&](Giver<int> give) {
      threads.emplace_back([give = std::move(give), i]() mutable { give(i); });
      return std::optional<int>();
    });
  }
  done = true;
}

TEST(TaskOnThreads, ValuesCrossSafely) {
  Mailbox<Job> jobs(1000);
  const auto self = std::this_thread::get_id();
  std::vector<std::thread> threads;
  int sum = 0;
  std::atomic<bool> done = false;
  TaskRunner runner({[&](Job job) { (void)jobs.try_post(std::move(job)); },
                     [self] { return std::this_thread::get_id() == self; }});
  runner.start(over_threads(threads, sum, done));
  std::vector<Job> batch;
  while (!done) {
    (void)jobs.wait_drain(batch, std::chrono::seconds(10));
    for (Job& job : batch) job();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, 4950);
}

}  // namespace
}  // namespace maru::gateway
