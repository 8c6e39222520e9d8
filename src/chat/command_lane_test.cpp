#include "chat/command_lane.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <semaphore>
#include <set>
#include <thread>

#include "chat/testing/core_harness.hpp"
#include "commandlog/local/local_command_log.hpp"

namespace maru::chat {
namespace {

using testing::check_store;
using testing::CoreHarness;
using testing::FakeStore;
using ::testing::IsEmpty;
using testing::new_session;

// The sequencer on the harness's store; the harness itself only prepares and inspects.
class CommandLaneTest : public ::testing::Test {
 protected:
  void start(LaneOptions options = {}, std::size_t waiting_max = 16'384) {
    log.emplace(clock, at.ids, waiting_max);
    sequencer.emplace(*log, at.store, at.bus, clock, at.ids, options);
  }

  std::future<Reply> submit(CommandBody body) {
    auto promise = std::make_shared<std::promise<Reply>>();
    auto future = promise->get_future();
    Command command{std::move(body),
                    [promise](Reply reply) { promise->set_value(std::move(reply)); }};
    while (!log->submit(std::move(command))) std::this_thread::yield();
    return future;
  }

  // `count` commands from `threads` threads at once.
  std::vector<Reply> submit_all(std::size_t threads, std::size_t count,
                                const std::function<CommandBody(std::size_t)>& body) {
    std::vector<std::future<Reply>> futures(count);
    std::vector<std::thread> running;
    for (std::size_t t = 0; t < threads; ++t) {
      running.emplace_back([&, t] {
        for (std::size_t i = t; i < count; i += threads) futures[i] = submit(body(i));
      });
    }
    for (std::thread& thread : running) thread.join();
    std::vector<Reply> replies;
    for (auto& future : futures) replies.push_back(future.get());
    return replies;
  }

  SystemClock clock;
  CoreHarness at;
  std::optional<local::LocalCommandLog> log;
  std::optional<CommandLane> sequencer;
};

TEST_F(CommandLaneTest, TwoHundredConcurrentJoinsLeaveExactlyOneHundredMembers) {
  const UserId owner = at.add_guest("owner");
  const ChatId group = at.add_group(owner);
  std::vector<UserId> users;
  for (int i = 0; i < 200; ++i) users.push_back(at.add_guest("user" + std::to_string(i)));
  start();
  const auto replies = submit_all(8, 200, [&](std::size_t i) { return JoinChat{group, users[i]}; });
  sequencer->stop();
  std::size_t joined = 0;
  for (const Reply& reply : replies) {
    if (reply) {
      ++joined;
    } else {
      EXPECT_EQ(reply.error().code, ErrorCode::kChatFull);
    }
  }
  EXPECT_EQ(joined, 99u);
  EXPECT_EQ(at.store.chats().at(group).members.size(), 100u);
  EXPECT_EQ(at.store.records(group).size(), 99u);
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

TEST_F(CommandLaneTest, OneHundredConcurrentCreatesGetDifferentNumbers) {
  const UserId owner = at.add_guest("owner");
  start();
  const auto replies = submit_all(
      8, 100, [&](std::size_t) { return CreateChat{owner, "group", false, {}, std::nullopt}; });
  sequencer->stop();
  std::set<std::int64_t> numbers;
  for (const Reply& reply : replies) {
    numbers.insert(std::get<ChatCreated>(*reply).document.chat.number.value);
  }
  EXPECT_EQ(numbers.size(), 100u);
  EXPECT_EQ(*numbers.begin(), 1);
  EXPECT_EQ(*numbers.rbegin(), 100);
}

TEST_F(CommandLaneTest, AnIdSentFiftyTimesConcurrentlyIsOneMessage) {
  const UserId owner = at.add_guest("owner");
  const ChatId group = at.add_group(owner);
  start();
  const auto replies =
      submit_all(8, 50, [&](std::size_t) { return SendMessage{group, owner, "one", "id"}; });
  sequencer->stop();
  std::size_t first = 0;
  for (const Reply& reply : replies) {
    ASSERT_TRUE(reply);
    if (!std::get<Sent>(*reply).duplicate) ++first;
    EXPECT_EQ(std::get<Sent>(*reply).record->sequence.value, 1u);
  }
  EXPECT_EQ(first, 1u);
  EXPECT_EQ(at.store.records(group).size(), 1u);
}

TEST_F(CommandLaneTest, KeepsTheOrderOfAThread) {
  const UserId owner = at.add_guest("owner");
  const ChatId group = at.add_group(owner);
  start({.batch_commands_max = 7});
  std::vector<std::future<Reply>> futures;
  for (int i = 0; i < 1000; ++i) {
    futures.push_back(submit(SendMessage{group, owner, std::to_string(i), {}}));
  }
  for (std::uint64_t i = 0; i < futures.size(); ++i) {
    EXPECT_EQ(std::get<Sent>(*futures[i].get()).record->sequence.value, i + 1);
  }
}

// A store that waits inside its first append, so that the mailbox can be filled behind it.
class GatedFaults {
 public:
  testing::AppendFault operator()() {
    if (!first_) return testing::AppendFault::kNone;
    first_ = false;
    entered.release();
    go.acquire();
    return testing::AppendFault::kNone;
  }
  std::binary_semaphore entered{0};
  std::binary_semaphore go{0};

 private:
  bool first_ = true;
};

TEST_F(CommandLaneTest, RefusesWhenTheMailboxIsFullAndDrainsAtStop) {
  const UserId owner = at.add_guest("owner");
  const ChatId group = at.add_group(owner);
  GatedFaults gate;
  at.store.set_faults([&](std::size_t, std::span<const Change>) { return gate(); });
  start({}, 3);
  std::atomic<int> answered{0};
  const auto command = [&] {
    return Command{SendMessage{group, owner, "x", {}}, [&](Reply reply) {
                     if (reply) ++answered;
                   }};
  };
  ASSERT_TRUE(log->submit(command()));
  gate.entered.acquire();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(log->submit(command()));
  EXPECT_EQ(log->waiting(), 3u);

  Command refused = command();
  EXPECT_FALSE(log->submit(std::move(refused)));
  EXPECT_TRUE(refused.reply) << "a refused command stays with its caller";

  gate.go.release();
  sequencer->stop();
  EXPECT_EQ(answered.load(), 4);
  EXPECT_EQ(at.store.records(group).size(), 4u);
  EXPECT_FALSE(log->submit(std::move(refused)));
  sequencer->stop();
}

// A source that counts what is settled, as a broker's acknowledges it.
class CountingSource final : public CommandSource {
 public:
  bool take(std::vector<Command>& out, std::chrono::milliseconds /*wait*/) override {
    out = std::exchange(commands, {});
    return !std::exchange(over, true);
  }
  void settled(std::size_t count) override { settlements.push_back(count); }
  void close() override {}

  std::vector<Command> commands;
  std::vector<std::size_t> settlements;
  bool over = false;
};

TEST_F(CommandLaneTest, SettlesEachBatchOnceItIsAnswered) {
  const UserId owner = at.add_guest("owner");
  const ChatId group = at.add_group(owner);
  CountingSource source;
  std::size_t answered = 0;
  for (int i = 0; i < 5; ++i) {
    source.commands.push_back({SendMessage{group, owner, "x", {}}, [&](const Reply& reply) {
                                 if (reply && source.settlements.size() == answered / 2) ++answered;
                               }});
  }
  CommandLane lane(source, at.store, at.bus, clock, at.ids, {.batch_commands_max = 2});
  lane.stop();
  EXPECT_EQ(source.settlements, (std::vector<std::size_t>{2, 2, 1}));
  EXPECT_EQ(answered, 5u) << "not before its answers";
}

TEST_F(CommandLaneTest, ABatchGathersWhileAnotherIsMadeDurable) {
  const UserId owner = at.add_guest("owner");
  const ChatId group = at.add_group(owner);
  GatedFaults gate;
  at.store.set_faults([&](std::size_t, std::span<const Change>) { return gate(); });
  const std::size_t before = at.store.appends();
  start();
  auto first = submit(SendMessage{group, owner, "first", {}});
  gate.entered.acquire();
  std::vector<std::future<Reply>> rest;
  for (int i = 0; i < 500; ++i) rest.push_back(submit(SendMessage{group, owner, "x", {}}));
  gate.go.release();
  for (auto& future : rest) ASSERT_TRUE(future.get());
  sequencer->stop();
  EXPECT_EQ(at.store.appends(), before + 2);
  const LaneCounters& counters = sequencer->counters();
  EXPECT_EQ(counters.commands.load(), 501u);
  EXPECT_EQ(counters.records.load(), 501u);
  EXPECT_EQ(counters.batches.load(), 2u);
  EXPECT_EQ(counters.batch_commands.sum(), 501u);
  EXPECT_EQ(counters.batch_commands.bucket(1), 1u);
  EXPECT_EQ(counters.batch_commands.bucket(9), 1u);
}

TEST_F(CommandLaneTest, CallsTheStoreWhenIdle) {
  start({.idle_after = std::chrono::milliseconds(1)});
  while (at.store.idles() < 2) std::this_thread::yield();
  const UserId known =
      std::get<LoggedIn>(
          *submit(OpenGuest{"a", "a", GuestRule::kNameMustBeFree, new_session()}).get())
          .user.id;
  sequencer->stop();
  EXPECT_TRUE(at.store.users().contains(known));
}

TEST_F(CommandLaneTest, AFullDiskUnderLoadLosesNothingThatWasAcknowledged) {
  const UserId owner = at.add_guest("owner");
  const ChatId group = at.add_group(owner);
  start({.batch_commands_max = 16});
  std::atomic<bool> done{false};
  std::thread disk([&] {
    for (bool full = true; !done.load(); full = !full) {
      at.store.set_full(full);
      std::this_thread::yield();
    }
    at.store.set_full(false);
  });
  const auto replies = submit_all(4, 4000, [&](std::size_t i) {
    return SendMessage{group, owner, "x", "id-" + std::to_string(i)};
  });
  done = true;
  disk.join();
  sequencer->stop();
  std::size_t acknowledged = 0;
  for (const Reply& reply : replies) {
    if (reply) {
      ++acknowledged;
      EXPECT_TRUE(at.store.has_record(*std::get<Sent>(*reply).record));
    } else {
      EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
    }
  }
  EXPECT_EQ(at.store.records(group).size(), acknowledged);
  EXPECT_EQ(at.bus.phantoms, 0u);
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

}  // namespace
}  // namespace maru::chat
