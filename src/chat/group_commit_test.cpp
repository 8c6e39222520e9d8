#include "chat/group_commit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chat/testing/core_harness.hpp"
#include "chat/testing/matchers.hpp"

namespace maru::chat {
namespace {

using testing::AppendFault;
using testing::check_store;
using testing::CoreHarness;
using ::testing::IsEmpty;
using testing::new_session;

class GroupCommitTest : public ::testing::Test {
 protected:
  void fail_next(AppendFault fault, std::size_t times = 1) {
    for (std::size_t i = 1; i <= times; ++i) at.store.fail_append(at.store.appends() + i, fault);
  }

  CoreHarness at;
  UserId a = at.add_guest("a");
  UserId b = at.add_guest("b");
  UserId outsider = at.add_guest("c");
  ChatId group = at.add_group(a, {b});
};

TEST_F(GroupCommitTest, MakesABatchDurableWithOneAppend) {
  const std::size_t before = at.store.appends();
  const auto replies = at.run_batch({SendMessage{group, a, "1", {}}, JoinChat{group, outsider},
                                     SendMessage{group, outsider, "3", {}}});
  EXPECT_EQ(at.store.appends(), before + 1);
  for (const Reply& reply : replies) EXPECT_TRUE(reply);
  EXPECT_EQ(at.store.records(group).size(), 3u);
  EXPECT_EQ(at.bus.phantoms, 0u);
}

TEST_F(GroupCommitTest, NeedsNoAppendWhereNothingChanges) {
  at.store.set_full(true);
  const std::size_t before = at.store.appends();
  const auto replies = at.run_batch(
      {SendMessage{group, outsider, "x", {}}, JoinChat{group, a}, LeaveChat{group, outsider}});
  EXPECT_EQ(replies[0].error().code, ErrorCode::kNotMember);
  EXPECT_EQ(std::get<Joined>(*replies[1]).sequence.value, 0u);
  EXPECT_FALSE(std::get<Left>(*replies[2]).left);
  EXPECT_EQ(at.store.appends(), before);
}

TEST_F(GroupCommitTest, EventsGoOutBeforeReplies) {
  const std::size_t before = at.bus.events.size();
  std::size_t seen_at_reply = 0;
  Command command{SendMessage{group, a, "x", {}},
                  [&](Reply) { seen_at_reply = at.bus.events.size(); }};
  at.commit.run({&command, 1});
  EXPECT_EQ(seen_at_reply, before + 1);
}

// What names an I/O thread leaves with the batch's events, as one publish, and what does not is
// called after it: both in the order of the commands.
TEST_F(GroupCommitTest, EventsAndAnswersOfABatchAreHandedOverTogether) {
  std::vector<std::string> order;
  const auto note = [&](const char* name) {
    return [&order, name](const Reply& reply) {
      order.emplace_back(std::string(name) + (reply ? "" : " refused"));
    };
  };
  const auto run = [&] {
    std::vector<Command> commands;
    commands.push_back({SendMessage{group, a, "1", {}}, note("own 1")});
    commands.push_back({SendMessage{group, a, "2", {}}, ReplyHandler(0, note("homed 2"))});
    commands.push_back({SendMessage{group, outsider, "3", {}}, ReplyHandler(1, note("homed 3"))});
    commands.push_back({SendMessage{group, b, "4", {}}, note("own 4")});
    at.bus.publishes.clear();
    order.clear();
    at.commit.run(commands);
  };
  using Sizes = std::pair<std::size_t, std::size_t>;
  run();
  EXPECT_EQ(at.bus.publishes, (std::vector<Sizes>{{3, 2}}));
  EXPECT_EQ(order, (std::vector<std::string>{"homed 2", "homed 3 refused", "own 1", "own 4"}));
  // Refused as a whole: no event, and every answer all the same.
  at.store.set_full(true);
  run();
  EXPECT_EQ(at.bus.publishes, (std::vector<Sizes>{{0, 2}}));
  EXPECT_EQ(order, (std::vector<std::string>{"homed 2 refused", "homed 3 refused", "own 1 refused",
                                             "own 4 refused"}));
}

TEST_F(GroupCommitTest, PublishesNothingWhereThereIsNothingToTell) {
  at.bus.publishes.clear();
  int answered = 0;
  Command command{SendMessage{group, outsider, "x", {}}, [&](const Reply&) { ++answered; }};
  at.commit.run({&command, 1});
  EXPECT_EQ(answered, 1);
  EXPECT_TRUE(at.bus.publishes.empty());
}

// A checkpoint takes milliseconds: what is durable already must not wait for it.
TEST_F(GroupCommitTest, TheStoreKeepsHouseAfterRepliesAndEventsHaveGoneOut) {
  std::vector<std::string> order;
  at.store.set_after_release([&] { order.emplace_back("house"); });
  const std::size_t before = at.bus.events.size();
  const auto run = [&](std::size_t count) {
    std::vector<Command> commands;
    for (std::size_t i = 0; i < count; ++i) {
      commands.push_back({SendMessage{group, a, "x", {}}, [&](Reply) {
                            order.emplace_back(at.bus.events.size() > before ? "reply" : "early");
                          }});
    }
    at.commit.run(commands);
  };
  run(2);
  EXPECT_EQ(order, (std::vector<std::string>{"reply", "reply", "house"}));
  // After a batch that was refused, too: a full store may help itself.
  at.store.set_full(true);
  order.clear();
  run(1);
  EXPECT_EQ(order, (std::vector<std::string>{"reply", "house"}));
}

TEST_F(GroupCommitTest, AFullDiskIsUnavailableAndLeavesNoGap) {
  at.send(group, a, "1");
  const std::size_t events = at.bus.events.size();
  at.store.set_full(true);
  for (int i = 0; i < 3; ++i) {
    const auto replies = at.run_batch(
        {SendMessage{group, a, "lost", "id-" + std::to_string(i)}, JoinChat{group, outsider},
         SendMessage{group, outsider, "lost", {}}, CreateChat{a, "lost", false, {}, {}}});
    for (const Reply& reply : replies) {
      ASSERT_FALSE(reply);
      EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
    }
  }
  EXPECT_EQ(at.bus.events.size(), events);
  EXPECT_EQ(at.counters.unavailable.load(), 12u);

  at.store.set_full(false);
  EXPECT_EQ(at.send(group, a, "lost", "id-0")->sequence.value, 2u);
  EXPECT_FALSE(at.run(SendMessage{group, outsider, "x", {}}));
  const Reply created = at.run(CreateChat{a, "next", false, {}, {}});
  EXPECT_EQ(std::get<ChatCreated>(*created).document.chat.number.value, 2);
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

// A refusal that rests on a change that never came to be must not go out as final.
TEST_F(GroupCommitTest, ARefusalOfAFailedBatchIsUnavailableToo) {
  fail_next(AppendFault::kUnavailable);
  const auto replies = at.run_batch({LeaveChat{group, b}, SendMessage{group, b, "x", "id"},
                                     OpenGuest{"new", "new", GuestRule::kNameMustBeFree, {}},
                                     OpenGuest{"new", "new", GuestRule::kNameMustBeFree, {}}});
  for (const Reply& reply : replies) {
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  }
  EXPECT_EQ(at.send(group, b, "x", "id")->sequence.value, 1u);
  EXPECT_TRUE(at.run(OpenGuest{"new", "new", GuestRule::kNameMustBeFree, new_session()}));
}

TEST_F(GroupCommitTest, AConflictIsDecidedAgain) {
  fail_next(AppendFault::kConflict);
  const auto replies =
      at.run_batch({SendMessage{group, a, "1", "id"}, SendMessage{group, b, "2", {}}});
  EXPECT_EQ(std::get<Sent>(*replies[0]).record->sequence.value, 1u);
  EXPECT_EQ(std::get<Sent>(*replies[1]).record->sequence.value, 2u);
  EXPECT_EQ(at.counters.conflicts.load(), 1u);
  EXPECT_EQ(at.bus.all<RecordCommitted>().size(), 2u);
}

TEST_F(GroupCommitTest, AConflictThatStaysIsNarrowedDownToItsCommand) {
  at.store.set_faults([](std::size_t, std::span<const Change> batch) {
    for (const Change& change : batch) {
      const auto* appended = std::get_if<RecordAppended>(&change);
      if (appended && content_of(*appended->record) == "poison") return AppendFault::kConflict;
    }
    return AppendFault::kNone;
  });
  const auto replies =
      at.run_batch({SendMessage{group, a, "1", {}}, SendMessage{group, b, "poison", {}},
                    SendMessage{group, a, "2", {}}});
  EXPECT_EQ(std::get<Sent>(*replies[0]).record->sequence.value, 1u);
  ASSERT_FALSE(replies[1]);
  EXPECT_EQ(replies[1].error().code, ErrorCode::kInternal);
  EXPECT_EQ(std::get<Sent>(*replies[2]).record->sequence.value, 2u);
  EXPECT_EQ(at.counters.internal.load(), 1u);
  EXPECT_EQ(at.bus.all<RecordCommitted>().size(), 2u);
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

TEST_F(GroupCommitTest, AStoreThatFailsDuringTheSecondTryIsUnavailable) {
  fail_next(AppendFault::kConflict);
  at.store.fail_append(at.store.appends() + 2, AppendFault::kUnavailable);
  const auto replies = at.run_batch({SendMessage{group, a, "1", {}}});
  ASSERT_FALSE(replies[0]);
  EXPECT_EQ(replies[0].error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(at.send(group, a, "2")->sequence.value, 1u);
}

// Another writer, as in a cluster: the cache is behind, the unique key says so.
TEST_F(GroupCommitTest, AStaleHeadIsReadAgain) {
  at.send(group, a, "1");
  LaneCounters counters;
  GroupCommit other(at.store, at.bus, at.clock, at.ids, counters);
  Command command{SendMessage{group, b, "2", {}}, {}};
  other.run({&command, 1});
  EXPECT_EQ(at.send(group, a, "3")->sequence.value, 3u);
  EXPECT_EQ(at.counters.conflicts.load(), 1u);
}

TEST_F(GroupCommitTest, AnAppendWhoseAnswerWasLostIsFoundAtTheResend) {
  fail_next(AppendFault::kUnavailableAfter);
  EXPECT_FALSE(at.run(SendMessage{group, a, "1", "id"}));
  const Reply again = at.run(SendMessage{group, a, "1", "id"});
  ASSERT_TRUE(again);
  EXPECT_TRUE(std::get<Sent>(*again).duplicate);
  EXPECT_EQ(at.send(group, a, "2")->sequence.value, 2u);
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

TEST_F(GroupCommitTest, CutsABatchAtItsChanges) {
  at.store.set_batch_max(100);
  std::vector<CommandBody> bodies;
  for (std::size_t i = 0; i < 101; ++i) bodies.push_back(SendMessage{group, a, "x", {}});
  const std::size_t before = at.store.appends();
  at.run_batch(std::move(bodies));
  EXPECT_EQ(at.store.appends(), before + 2);
  EXPECT_EQ(at.store.records(group).size(), 101u);
}

// Commands that came over a broker: whoever had them first may have decided them, and told nobody.
class RedeliveredTest : public GroupCommitTest {
 protected:
  RedeliveredTest() { at.store.keep_outcomes(); }

  Command command(CommandBody body, std::vector<Reply>& replies) {
    Command one{std::move(body), [&](Reply reply) { replies.push_back(std::move(reply)); }};
    give_ids(one, at.ids);
    return one;
  }
  // By an owner that ends when it has stored, and by the next one.
  std::pair<Reply, Reply> run_twice(CommandBody body) {
    std::vector<Reply> replies;
    std::vector<Command> commands;
    commands.push_back(command(std::move(body), replies));
    Command again{commands[0].body, [&](Reply reply) { replies.push_back(std::move(reply)); },
                  commands[0].id, true};
    at.commit.run(commands);
    at.bus.events.clear();
    LaneCounters counters;
    GroupCommit next(at.store, at.bus, at.clock, at.ids, counters);
    const std::size_t appends = at.store.appends();
    next.run({&again, 1});
    EXPECT_EQ(at.store.appends(), appends) << "it was decided before";
    return {std::move(replies[0]), std::move(replies[1])};
  }
};

TEST_F(RedeliveredTest, ASendIsFoundByItsIdWithAndWithoutTheClients) {
  for (const auto& id : {std::optional<std::string>("mine"), std::optional<std::string>()}) {
    const auto [first, again] = run_twice(SendMessage{group, a, "x", id});
    const RecordPtr record = std::get<Sent>(*first).record;
    EXPECT_EQ(std::get<Sent>(*again).record->id, record->id);
    // Told again: it is not known whether anybody has heard of it.
    ASSERT_EQ(at.bus.all<RecordCommitted>().size(), 1u);
    EXPECT_EQ(at.bus.all<RecordCommitted>()[0].record->id, record->id);
  }
  EXPECT_EQ(at.store.records(group).size(), 2u);
}

TEST_F(RedeliveredTest, AJoinAndALeaveAreFound) {
  const auto [joined, joined_again] = run_twice(JoinChat{group, outsider});
  EXPECT_EQ(std::get<Joined>(*joined_again).sequence, std::get<Joined>(*joined).sequence);
  EXPECT_EQ(std::get<Joined>(*joined_again).document.members.size(), 3u);
  const auto [left, left_again] = run_twice(LeaveChat{group, outsider});
  EXPECT_TRUE(std::get<Left>(*left_again).left);
  EXPECT_EQ(std::get<Left>(*left_again).sequence, std::get<Left>(*left).sequence);
  EXPECT_EQ(at.store.records(group).size(), 2u);
}

TEST_F(RedeliveredTest, WhatChangedNothingIsAnsweredAsBefore) {
  const auto [refused, refused_again] = run_twice(SendMessage{group, outsider, "x", "id"});
  EXPECT_EQ(testing::outcome_of(refused), "not_member");
  // Even where it would be allowed by now: it was refused, and somebody may have been told.
  ASSERT_TRUE(at.run(JoinChat{group, outsider}));
  std::vector<Reply> replies;
  Command again{SendMessage{group, outsider, "x", "id"},
                [&](Reply reply) { replies.push_back(std::move(reply)); },
                {},
                true};
  at.commit.run({&again, 1});
  EXPECT_EQ(testing::outcome_of(replies[0]), "not_member");
  const auto [joined, joined_again] = run_twice(JoinChat{group, a});
  EXPECT_EQ(std::get<Joined>(*joined_again).sequence.value, 0u);
  const auto [left, left_again] = run_twice(LeaveChat{group, at.add_guest("d")});
  EXPECT_FALSE(std::get<Left>(*left_again).left);
}

TEST_F(RedeliveredTest, OneThatNobodyDecidedIsDecidedNow) {
  std::vector<Reply> replies;
  Command command = this->command(SendMessage{group, a, "x", {}}, replies);
  command.redelivered = true;
  at.commit.run({&command, 1});
  EXPECT_EQ(std::get<Sent>(*replies[0]).record->sequence.value, 1u);
}

TEST_F(RedeliveredTest, AStoreThatCannotSayIsUnavailable) {
  std::vector<Reply> replies;
  std::vector<Command> commands;
  commands.push_back(command(SendMessage{group, a, "x", {}}, replies));
  commands.push_back(command(SendMessage{group, b, "y", {}}, replies));
  commands[1].redelivered = true;
  at.store.fail_loads(1);
  at.commit.run(commands);
  ASSERT_EQ(replies.size(), 2u);
  for (const Reply& reply : replies) EXPECT_EQ(testing::outcome_of(reply), "unavailable");
  EXPECT_THAT(at.store.records(group), IsEmpty());
}

// Two owners at once: the one who is late refused on what it knew, and must look again.
TEST_F(RedeliveredTest, ARefusalOnAnOldHeadIsDecidedAgain) {
  at.run(SendMessage{group, outsider, "x", "early"});  // now it knows the chat
  LaneCounters counters;
  GroupCommit other(at.store, at.bus, at.clock, at.ids, counters);
  std::vector<Reply> replies;
  Command join = command(JoinChat{group, outsider}, replies);
  other.run({&join, 1});
  ASSERT_TRUE(replies[0]);
  const Reply sent = at.run(SendMessage{group, outsider, "x", "late"});
  EXPECT_EQ(testing::outcome_of(sent), "ok");
  EXPECT_EQ(at.counters.conflicts.load(), 1u);
}

TEST_F(GroupCommitTest, AConflictTwiceIsDecidedOneByOne) {
  fail_next(AppendFault::kConflict, 2);
  const auto replies = at.run_batch({SendMessage{group, a, "1", "id"}, JoinChat{group, outsider}});
  EXPECT_EQ(std::get<Sent>(*replies[0]).record->sequence.value, 1u);
  EXPECT_EQ(std::get<Joined>(*replies[1]).sequence.value, 2u);
  EXPECT_EQ(at.counters.conflicts.load(), 2u);
  EXPECT_EQ(at.bus.all<RecordCommitted>().size(), 2u);
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

// Whether it is stored or not: nobody is told that it failed, and nothing more is decided.
TEST_F(GroupCommitTest, WhatAStoreGivesUpIsUnknownAndSoIsWhatFollows) {
  for (const AppendFault fault : {AppendFault::kGivenUp, AppendFault::kGivenUpAfter}) {
    LaneCounters counters;
    GroupCommit lane(at.store, at.bus, at.clock, at.ids, counters);
    fail_next(fault);
    const std::size_t events = at.bus.events.size();
    const std::size_t appends = at.store.appends();
    std::vector<std::string> outcomes;
    const auto run = [&](std::vector<CommandBody> bodies) {
      std::vector<Command> commands;
      for (CommandBody& body : bodies) {
        commands.push_back({std::move(body), [&](const Reply& reply) {
                              outcomes.push_back(testing::outcome_of(reply));
                            }});
      }
      lane.run(commands);
    };
    run({SendMessage{group, a, "1", "id"}, SendMessage{group, outsider, "refused", {}}});
    run({SendMessage{group, a, "2", {}}, JoinChat{group, a}});
    EXPECT_EQ(outcomes, std::vector<std::string>(4, "unknown"));
    EXPECT_EQ(at.bus.events.size(), events);
    EXPECT_EQ(at.store.appends(), appends + 1);
  }
  // Whoever comes after finds what there is.
  const Reply again = at.run(SendMessage{group, a, "1", "id"});
  EXPECT_TRUE(std::get<Sent>(*again).duplicate);
  EXPECT_EQ(at.send(group, a, "2")->sequence.value, 2u);
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

TEST_F(GroupCommitTest, ATinyCacheChangesNoAnswer) {
  CoreHarness tiny(7, CacheLimits{1, 1});
  const UserId one = tiny.add_guest("one");
  const UserId two = tiny.add_guest("two");
  const ChatId first = tiny.add_group(one, {two});
  const ChatId second = tiny.add_group(two, {one});
  for (std::uint64_t i = 1; i <= 5; ++i) {
    const auto replies =
        tiny.run_batch({SendMessage{first, one, "x", {}}, SendMessage{second, two, "y", {}}});
    EXPECT_EQ(std::get<Sent>(*replies[0]).record->sequence.value, i);
    EXPECT_EQ(std::get<Sent>(*replies[1]).record->sequence.value, i);
  }
}

}  // namespace
}  // namespace maru::chat
