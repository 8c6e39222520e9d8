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
  ASSERT_TRUE(leaves.add({user(1), chat(1), {1, 10}, 0, {}}, at(100)));
  ASSERT_TRUE(leaves.add({user(2), chat(1), {2, {}}, 0, {}}, at(200)));
  EXPECT_TRUE(leaves.take_due(at(99)).empty());
  const auto due = leaves.take_due(at(100));
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].user, user(1));
  EXPECT_EQ(due[0].caller.ack, 10u);
  EXPECT_EQ(leaves.size(), 1u);
  EXPECT_EQ(leaves.take_due(at(1000)).size(), 1u);
  EXPECT_EQ(leaves.size(), 0u);
}

TEST(LeaveGrace, TheEndOfTheSocketTakesBackItsLeaves) {
  LeaveGrace leaves;
  ASSERT_TRUE(leaves.add({user(1), chat(1), {1, 1}, 0, {}}, at(100)));
  ASSERT_TRUE(leaves.add({user(1), chat(1), {2, 2}, 0, {}}, at(100)));
  leaves.cancel_session(1);
  leaves.cancel_session(7);
  const auto due = leaves.take_due(at(100));
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].caller.session, 2u);
}

TEST(LeaveGrace, ALeaveIsCountedUntilItIsOver) {
  PendingLeaves pending;
  LeaveGrace leaves;
  EXPECT_FALSE(pending.may_have(user(1), chat(1)));
  ASSERT_TRUE(leaves.add({user(1), chat(1), {1, {}}, 1, pending.mark(user(1), chat(1))}, at(100)));
  ASSERT_TRUE(leaves.add({user(1), chat(1), {2, {}}, 2, pending.mark(user(1), chat(1))}, at(100)));
  leaves.cancel_session(1);
  EXPECT_TRUE(pending.may_have(user(1), chat(1)));
  {
    const auto due = leaves.take_due(at(100));
    ASSERT_EQ(due.size(), 1u);
    EXPECT_TRUE(pending.may_have(user(1), chat(1)));
  }
  EXPECT_FALSE(pending.may_have(user(1), chat(1)));
}

TEST(LeaveGrace, ASocketsLeavesComeAndGoInAnyOrder) {
  LeaveGrace leaves;
  for (std::uint8_t n = 0; n < 6; ++n) {
    ASSERT_TRUE(leaves.add({user(1), chat(n), {1u + n % 2u, {}}, n, {}}, at(100 + n)));
  }
  EXPECT_EQ(leaves.take_due(at(102)).size(), 3u);
  leaves.cancel_session(1);
  EXPECT_EQ(leaves.size(), 2u);
  ASSERT_TRUE(leaves.add({user(1), chat(9), {1, {}}, 9, {}}, at(200)));
  const auto due = leaves.take_due(at(200));
  ASSERT_EQ(due.size(), 3u);
  EXPECT_EQ(due[2].chat, chat(9));
  EXPECT_EQ(leaves.size(), 0u);
}

TEST(LeaveGrace, IsBounded) {
  LeaveGrace leaves;
  for (std::size_t i = 0; i < LeaveGrace::kPendingMax; ++i) {
    ASSERT_TRUE(leaves.add({user(1), chat(1), {i + 1, {}}, 0, {}}, at(100)));
  }
  EXPECT_FALSE(leaves.add({user(1), chat(1), {1, {}}, 0, {}}, at(100)));
  EXPECT_EQ(leaves.take_due(at(100)).size(), LeaveGrace::kPendingMax);
  EXPECT_TRUE(leaves.add({user(1), chat(1), {1, {}}, 0, {}}, at(200)));
}

}  // namespace
}  // namespace maru::gateway
