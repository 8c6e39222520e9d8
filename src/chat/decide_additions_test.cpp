// What others may do with a user: put into groups, opened 1:1s with, and how often strangers may.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/limits.hpp"
#include "chat/testing/core_harness.hpp"
#include "chat/testing/matchers.hpp"

namespace maru::chat {
namespace {

using testing::check_store;
using testing::CoreHarness;
using ::testing::IsEmpty;
using testing::outcome_of;

constexpr std::int64_t kDayMs = 24LL * 60 * 60 * 1000;

class AdditionsTest : public ::testing::Test {
 protected:
  std::vector<UserId> add_guests(CoreHarness& on, std::size_t count) {
    std::vector<UserId> users;
    for (std::size_t i = 0; i < count; ++i) {
      users.push_back(on.add_guest("guest" + std::to_string(guests_++)));
    }
    return users;
  }
  static Reply make_group(CoreHarness& on, UserId owner, std::vector<UserId> users) {
    return on.run(CreateChat{owner, "group", false, std::move(users), {}});
  }
  static Reply open_personal(CoreHarness& on, UserId from, UserId to) {
    return on.run(CreateChat{from, "pair", true, {to}, {}});
  }
  // Which quota refused it.
  static std::string rule_of(const Reply& reply) {
    if (reply) return "ok";
    EXPECT_EQ(reply.error().code, ErrorCode::kRateLimited);
    return reply.error().fields.empty() ? "" : reply.error().fields.front().code;
  }

  CoreHarness at;
  std::size_t guests_ = 0;
};

TEST_F(AdditionsTest, OneGuestLocksNobodyOut) {
  const UserId attacker = at.add_guest("attacker");
  const std::vector<UserId> victims = add_guests(at, 99);
  std::vector<CommandBody> creates;
  for (std::size_t i = 0; i < limits::kChatsPerUserMax; ++i) {
    creates.emplace_back(CreateChat{attacker, "group", false, victims, {}});
  }
  std::size_t made = 0;
  for (const Reply& reply : at.run_batch(std::move(creates))) {
    if (reply) {
      ++made;
    } else {
      EXPECT_EQ(rule_of(reply), "added_too_often");
      EXPECT_EQ(reply.error().fields.front().limit, 50);
      EXPECT_EQ(reply.error().retry_after_ms, kDayMs);
    }
  }
  EXPECT_EQ(made, 50u);
  // They make and join as before, and who knows them can write to them and add them.
  const UserId friendly = at.add_guest("friendly");
  EXPECT_EQ(outcome_of(make_group(at, victims[0], {})), "ok");
  const ChatId theirs = at.add_group(friendly);
  EXPECT_EQ(outcome_of(at.run(JoinChat{theirs, victims[0]})), "ok");
  EXPECT_EQ(outcome_of(open_personal(at, friendly, victims[0])), "ok");
  EXPECT_EQ(outcome_of(make_group(at, friendly, {victims[0]})), "ok");
  EXPECT_EQ(rule_of(make_group(at, friendly, {victims[1]})), "added_too_often");
  EXPECT_EQ(outcome_of(open_personal(at, friendly, victims[2])), "ok") << "not known to them";
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

TEST_F(AdditionsTest, AFirstGroupOfOneHundredAlwaysWorks) {
  const UserId owner = at.add_guest("owner");
  const std::vector<UserId> members = add_guests(at, 99);
  EXPECT_EQ(outcome_of(make_group(at, owner, members)), "ok");
  // And another one with the same people: they are no strangers any more.
  EXPECT_EQ(outcome_of(make_group(at, owner, members)), "ok");
}

TEST_F(AdditionsTest, StrangersAreCountedByPeopleAndAdder) {
  const UserId guest = at.add_guest("adder");
  const UserId account = at.add_account("account");
  for (const auto& [adder, limit] : {std::pair{guest, 100}, {account, 200}}) {
    for (int i = 0; i < limit; ++i) {
      const UserId stranger = add_guests(at, 1).front();
      ASSERT_EQ(outcome_of(i % 2 == 0 ? make_group(at, adder, {stranger})
                                      : open_personal(at, adder, stranger)),
                "ok")
          << i;
      // Known by now: costs nothing more.
      if (i % 10 == 0) {
        ASSERT_EQ(outcome_of(make_group(at, adder, {stranger})), "ok");
      }
    }
    const Reply refused = make_group(at, adder, add_guests(at, 1));
    ASSERT_EQ(rule_of(refused), "too_many_strangers");
    EXPECT_EQ(refused.error().fields.front().limit, limit);
    EXPECT_EQ(refused.error().fields.front().actual, limit + 1);
    EXPECT_EQ(outcome_of(make_group(at, adder, {})), "ok") << "alone";
  }
}

TEST_F(AdditionsTest, AWindowLastsADayAndARestartDoesNotEndIt) {
  Quotas quotas;
  quotas.added_by_strangers = 2;
  CoreHarness small(7, {}, quotas);
  const UserId victim = small.add_guest("victim");
  const auto put_in = [&](GroupCommit& commit) {
    Reply outcome = Done{};
    Command create{
        CreateChat{small.add_guest("g" + std::to_string(guests_++)), "group", false, {victim}, {}},
        [&](Reply reply) { outcome = std::move(reply); }};
    give_ids(create, small.ids);
    commit.run({&create, 1});
    return outcome;
  };
  EXPECT_TRUE(put_in(small.commit));
  small.clock.advance_ms(kDayMs / 2);
  EXPECT_TRUE(put_in(small.commit));
  EXPECT_EQ(rule_of(put_in(small.commit)), "added_too_often");
  LaneCounters counters;
  GroupCommit restarted(small.store, small.bus, small.clock, small.ids, counters, {}, quotas);
  const Reply refused = put_in(restarted);
  EXPECT_EQ(rule_of(refused), "added_too_often");
  EXPECT_EQ(refused.error().retry_after_ms, kDayMs / 2);
  EXPECT_EQ(counters.over_quota.load(), 1u);
  small.clock.advance_ms(kDayMs / 2);
  EXPECT_TRUE(put_in(restarted));
}

TEST_F(AdditionsTest, WhoIsKnownMayAlwaysAdd) {
  Quotas quotas;
  quotas.added_by_strangers = 1;
  quotas.strangers_per_guest = 1;
  CoreHarness small(7, {}, quotas);
  const UserId adder = small.add_guest("adder");
  const UserId other = small.add_guest("other");
  const ChatId pair = small.add_personal(adder, other);
  // Put in and silent: whoever did it is still a stranger to them.
  EXPECT_EQ(outcome_of(make_group(small, adder, {other})), "ok");
  EXPECT_EQ(rule_of(make_group(small, adder, {other})), "added_too_often");
  // Within one batch with what makes them known, or after it.
  small.send(pair, other, "hello");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(outcome_of(make_group(small, adder, {other})), "ok");

  const UserId third = small.add_guest("third");
  const ChatId open_group = small.add_group(adder);
  const auto replies = small.run_batch(
      {JoinChat{open_group, third}, CreateChat{adder, "group", false, {third, other}, {}}});
  EXPECT_EQ(outcome_of(replies[1]), "ok");
  EXPECT_THAT(check_store(small.store), IsEmpty());
}

TEST_F(AdditionsTest, ARefusedChatCountsForNobody) {
  Quotas quotas;
  quotas.strangers_per_guest = 3;
  CoreHarness small(7, {}, quotas);
  const UserId adder = small.add_guest("adder");
  const auto strangers = add_guests(small, 5);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(rule_of(make_group(small, adder, strangers)), "too_many_strangers");
  }
  EXPECT_EQ(outcome_of(make_group(small, adder, {strangers[0], strangers[1], strangers[2]})), "ok");
}

TEST_F(AdditionsTest, WhatOthersPutOneInHasABound) {
  Quotas off;
  off.enabled = false;
  CoreHarness small(7, {}, off);
  const UserId full = small.add_guest("full");
  UserId adder;
  for (std::size_t i = 0; i < limits::kGroupsPutInMax; ++i) {
    if (i % limits::kChatsPerUserMax == 0) adder = small.add_guest("a" + std::to_string(i));
    ASSERT_EQ(outcome_of(make_group(small, adder, {full})), "ok");
  }
  const UserId fresh = small.add_guest("fresh");
  const Reply refused = make_group(small, fresh, {full});
  ASSERT_EQ(outcome_of(refused), "chat_full");
  EXPECT_EQ(refused.error().fields.front().code, "too_many_chats");
  EXPECT_EQ(outcome_of(open_personal(small, fresh, full)), "ok");
  EXPECT_EQ(outcome_of(make_group(small, full, {fresh})), "ok");
  EXPECT_EQ(outcome_of(small.run(JoinChat{small.add_group(fresh), full})), "ok");
}

}  // namespace
}  // namespace maru::chat
