#include "chat/endings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <future>
#include <mutex>

#include "chat/testing/core_harness.hpp"
#include "chat/testing/matchers.hpp"
#include "gateway/testing/fake_snapshot.hpp"

namespace maru::chat {
namespace {

using testing::check_store;
using testing::CoreHarness;
using ::testing::IsEmpty;
using testing::outcome_of;
using Outcome = EndingPass::Outcome;

// Answers on the spot, or as it is told to.
class Commands final : public CommandLog {
 public:
  explicit Commands(CoreHarness& at) : at_(at) {}
  bool submit(Command&& command) override {
    if (full) return false;
    if (const auto* leave = std::get_if<LeaveChat>(&command.body)) {
      EXPECT_TRUE(leave->ended);
      ++leaves;
    }
    Command mine = std::move(command);
    std::lock_guard lock(one_at_a_time);
    if (on_command) on_command();
    const bool finishes = std::holds_alternative<FinishEnding>(mine.body);
    mine.reply(at_.run(std::move(mine.body)));
    if (finishes && on_finish) on_finish();
    return true;
  }
  bool full = false;
  std::size_t leaves = 0;
  std::function<void()> on_command;
  std::function<void()> on_finish;
  std::mutex one_at_a_time;

 private:
  CoreHarness& at_;
};

class Queries final : public QueryPool {
 public:
  Queries(CoreHarness& at, std::mutex& one_at_a_time) : at_(at), one_at_a_time_(one_at_a_time) {}
  bool post(Lane, Query&& query) override {
    if (full) return false;
    Query mine = std::move(query);
    std::lock_guard lock(one_at_a_time_);
    gateway::testing::FakeSnapshot snapshot(at_.store);
    if (!drops) mine(snapshot);
    return true;
  }
  bool full = false;
  bool drops = false;

 private:
  CoreHarness& at_;
  std::mutex& one_at_a_time_;
};

class EndingsTest : public ::testing::Test {
 protected:
  Outcome pass() { return EndingPass(commands, queries).run(stopping); }
  void end(const LoggedIn& guest) {
    ASSERT_TRUE(at.run(RevokeSession{guest.user.id, guest.session.id}));
  }
  std::size_t leaves_in(ChatId chat) {
    return static_cast<std::size_t>(std::ranges::count_if(
        at.store.records(chat),
        [](const RecordPtr& record) { return std::holds_alternative<MemberLeft>(record->body); }));
  }
  bool is_in(ChatId chat, UserId user) {
    return find_member(at.store.chats().at(chat), user) != nullptr;
  }

  CoreHarness at{1, {}, Quotas{.enabled = false}};
  Commands commands{at};
  Queries queries{at, commands.one_at_a_time};
  std::atomic<bool> stopping{false};
  UserId other = at.add_account("other");
};

TEST_F(EndingsTest, NobodyIsEnding) {
  EXPECT_EQ(pass(), Outcome::kDone);
  EXPECT_EQ(commands.leaves, 0u);
}

TEST_F(EndingsTest, AUserLeavesEveryGroupOnceAndStaysInThe1To1s) {
  const LoggedIn guest = at.log_in_guest("guest");
  std::vector<ChatId> groups;
  for (int i = 0; i < 600; ++i) groups.push_back(at.add_group(guest.user.id, {other}));
  const ChatId pair = at.add_personal(guest.user.id, other);
  end(guest);
  EXPECT_EQ(pass(), Outcome::kMore);
  EXPECT_TRUE(at.store.ending().contains(guest.user.id))
      << "a pass that found some is not the last";
  EXPECT_EQ(pass(), Outcome::kMore);
  EXPECT_EQ(pass(), Outcome::kDone);
  for (const ChatId& group : groups) {
    ASSERT_EQ(leaves_in(group), 1u);
    ASSERT_EQ(at.store.chats().at(group).chat.owner, other);
  }
  EXPECT_TRUE(is_in(pair, guest.user.id));
  EXPECT_THAT(at.store.ending(), IsEmpty());
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

// A 1:1 that is remembered from before the end is read anew.
TEST_F(EndingsTest, The1To1KnowsThatOneOfItsTwoHasEnded) {
  const LoggedIn guest = at.log_in_guest("guest");
  const ChatId pair = at.add_personal(guest.user.id, other);
  at.send(pair, guest.user.id, "hello");
  end(guest);
  at.settle_endings();
  EXPECT_EQ(outcome_of(at.run(SendMessage{pair, guest.user.id, "x", {}})), "unauthenticated");
  EXPECT_EQ(at.send(pair, other, "x")->to_name, at.store.users().at(guest.user.id).name);
}

TEST_F(EndingsTest, WhatIsStuckIsTakenUpLater) {
  const LoggedIn guest = at.log_in_guest("guest");
  const ChatId group = at.add_group(guest.user.id, {other});
  end(guest);
  queries.full = true;
  EXPECT_EQ(pass(), Outcome::kStuck);
  queries.full = false;
  queries.drops = true;
  EXPECT_EQ(pass(), Outcome::kStuck);
  queries.drops = false;
  commands.full = true;
  EXPECT_EQ(pass(), Outcome::kStuck);
  commands.full = false;
  at.store.set_full(true);
  EXPECT_EQ(pass(), Outcome::kStuck);
  EXPECT_TRUE(is_in(group, guest.user.id));
  at.store.set_full(false);
  stopping = true;
  EXPECT_EQ(pass(), Outcome::kStuck);
  stopping = false;
  EXPECT_EQ(pass(), Outcome::kMore);
  EXPECT_EQ(pass(), Outcome::kMore);
  EXPECT_EQ(pass(), Outcome::kDone);
  EXPECT_EQ(leaves_in(group), 1u);
}

// As after a kill at any of its commands: the next process has nothing but the store.
TEST_F(EndingsTest, ItMayStopAfterAnyCommandAndIsStillWhole) {
  for (std::size_t stop_after = 0; stop_after < 12; ++stop_after) {
    const LoggedIn guest = at.log_in_guest("guest");
    std::vector<ChatId> groups;
    for (int i = 0; i < 5; ++i) groups.push_back(at.add_group(guest.user.id, {other}));
    end(guest);
    std::size_t left = stop_after;
    commands.on_command = [&] {
      at.store.set_full(left == 0);
      if (left > 0) --left;
    };
    for (int i = 0; i < 4; ++i) (void)pass();
    commands.on_command = {};
    at.store.set_full(false);
    EXPECT_THAT(check_store(at.store), IsEmpty());
    while (pass() != Outcome::kDone) {
    }
    for (const ChatId& group : groups) EXPECT_EQ(leaves_in(group), 1u) << stop_after;
  }
  EXPECT_THAT(at.store.ending(), IsEmpty());
}

// More than one pass takes.
TEST_F(EndingsTest, ManyEndTogether) {
  const ChatId group = at.add_group(other);
  std::vector<LoggedIn> guests;
  for (int i = 0; i < 80; ++i) {
    guests.push_back(at.log_in_guest("guest" + std::to_string(i)));
    ASSERT_TRUE(at.run(JoinChat{group, guests.back().user.id}));
  }
  for (const LoggedIn& guest : guests) end(guest);
  at.settle_endings();
  EXPECT_EQ(leaves_in(group), 80u);
  EXPECT_EQ(at.store.chats().at(group).members.size(), 1u);
}

TEST_F(EndingsTest, TheThreadTakesUpWhatIsThereAndWhatComes) {
  const LoggedIn before = at.log_in_guest("before");
  const LoggedIn after = at.log_in_guest("after");
  const ChatId group = at.add_group(other, {before.user.id, after.user.id});
  end(before);
  std::promise<void> finished[2];
  std::size_t ends = 0;
  commands.on_finish = [&] { finished[ends++].set_value(); };
  Endings endings(commands, queries);
  endings.start();
  finished[0].get_future().wait();
  {
    std::lock_guard lock(commands.one_at_a_time);
    EXPECT_EQ(leaves_in(group), 1u);
    end(after);
  }
  endings.look();
  finished[1].get_future().wait();
  endings.stop();
  endings.stop();
  EXPECT_EQ(leaves_in(group), 2u);
  EXPECT_THAT(at.store.ending(), IsEmpty());
}

}  // namespace
}  // namespace maru::chat
