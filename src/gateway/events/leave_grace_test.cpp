#include "gateway/events/leave_grace.hpp"

#include <gtest/gtest.h>

namespace maru::gateway {
namespace {

UserId user(std::uint8_t n) {
  return UserId({1, 0, 0, 0, n});
}
ChatId chat(std::uint8_t n) {
  return ChatId({2, 0, 0, 0, n});
}
MonotonicTime at(std::int64_t ms) {
  return {ms};
}

TEST(LeaveGrace, GivesWhatIsDueInOrder) {
  LeaveGrace leaves;
  ASSERT_TRUE(leaves.add({user(1), chat(1), {1, 10}}, at(100)));
  ASSERT_TRUE(leaves.add({user(2), chat(1), {2, {}}}, at(200)));
  EXPECT_TRUE(leaves.take_due(at(99)).empty());
  const auto due = leaves.take_due(at(100));
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].user, user(1));
  EXPECT_EQ(due[0].caller.ack, 10u);
  EXPECT_EQ(leaves.size(), 1u);
  EXPECT_EQ(leaves.take_due(at(1000)).size(), 1u);
  EXPECT_EQ(leaves.size(), 0u);
}

TEST(LeaveGrace, AJoinTakesBackThatUsersLeavesOfThatChat) {
  LeaveGrace leaves;
  ASSERT_TRUE(leaves.add({user(1), chat(1), {1, 1}}, at(100)));
  ASSERT_TRUE(leaves.add({user(1), chat(2), {1, 2}}, at(100)));
  ASSERT_TRUE(leaves.add({user(2), chat(1), {2, 3}}, at(100)));
  ASSERT_TRUE(leaves.add({user(1), chat(1), {3, 4}}, at(100)));
  const auto cancelled = leaves.cancel(user(1), chat(1));
  ASSERT_EQ(cancelled.size(), 2u);
  EXPECT_EQ(cancelled[1].caller.ack, 4u);
  EXPECT_TRUE(leaves.cancel(user(1), chat(1)).empty());
  EXPECT_EQ(leaves.take_due(at(100)).size(), 2u);
}

TEST(LeaveGrace, TheEndOfTheSocketTakesBackItsLeaves) {
  LeaveGrace leaves;
  ASSERT_TRUE(leaves.add({user(1), chat(1), {1, 1}}, at(100)));
  ASSERT_TRUE(leaves.add({user(1), chat(1), {2, 2}}, at(100)));
  leaves.cancel_session(1);
  leaves.cancel_session(7);
  const auto due = leaves.take_due(at(100));
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].caller.session, 2u);
}

TEST(LeaveGrace, AnAnnouncedLeaveIsTakenBackButNeverDue) {
  LeaveGrace leaves;
  const auto one = leaves.announce({user(1), chat(1), {1, 1}});
  const auto two = leaves.announce({user(1), chat(2), {1, 2}});
  const auto three = leaves.announce({user(2), chat(2), {2, 3}});
  EXPECT_TRUE(leaves.take_due(at(1'000'000)).empty());
  const auto cancelled = leaves.cancel(user(1), chat(1));
  ASSERT_EQ(cancelled.size(), 1u);
  EXPECT_EQ(cancelled[0].caller.ack, 1u);
  EXPECT_FALSE(leaves.take(one));
  leaves.cancel_session(2);
  EXPECT_FALSE(leaves.take(three));
  const auto taken = leaves.take(two);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->caller.ack, 2u);
  EXPECT_FALSE(leaves.take(two));
  EXPECT_EQ(leaves.size(), 0u);
  for (std::size_t i = 0; i < LeaveGrace::kPendingMax; ++i) {
    ASSERT_NE(leaves.announce({user(1), chat(1), {i + 1, {}}}), 0u);
  }
  EXPECT_EQ(leaves.announce({user(1), chat(1), {1, {}}}), 0u);
}

TEST(LeaveGrace, IsBounded) {
  LeaveGrace leaves;
  for (std::size_t i = 0; i < LeaveGrace::kPendingMax; ++i) {
    ASSERT_TRUE(leaves.add({user(1), chat(1), {i + 1, {}}}, at(100)));
  }
  EXPECT_FALSE(leaves.add({user(1), chat(1), {1, {}}}, at(100)));
  EXPECT_EQ(leaves.take_due(at(100)).size(), LeaveGrace::kPendingMax);
  EXPECT_TRUE(leaves.add({user(1), chat(1), {1, {}}}, at(200)));
}

}  // namespace
}  // namespace maru::gateway
