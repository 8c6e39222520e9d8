#include "chat/fold.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string_view>
#include <utility>

#include "chat/testing/seeded_ids.hpp"

namespace maru::chat {
namespace {

using ::testing::ElementsAre;

class FoldTest : public ::testing::Test {
 protected:
  FoldTest() {
    state.chat.owner = a;
    state.members = {{.user = a, .user_name = "a", .role = Role::kOwner},
                     {.user = b, .user_name = "b", .entry = Entry::kPutIn, .accepted = false}};
  }
  // The next record of the chat.
  Record next(UserId actor, RecordBody body) const {
    Record record;
    record.sequence = {state.head.value + 1};
    record.text_count = state.text_count;
    record.last_effect = state.last_effect;
    record.actor = actor;
    record.body = std::move(body);
    record.created_at = {1000 + static_cast<std::int64_t>(record.sequence.value)};
    return record;
  }
  static Record with_effect(Record record) {
    record.last_effect = record.sequence;
    return record;
  }
  std::vector<UserId> members() const {
    std::vector<UserId> users;
    for (const Member& member : state.members) users.push_back(member.user);
    return users;
  }

  testing::SeededIds ids{1};
  UserId a = ids.next<UserId>();
  UserId b = ids.next<UserId>();
  UserId c = ids.next<UserId>();
  ChatState state;
};

TEST_F(FoldTest, ATextMovesTheHead) {
  Record record = next(b, Text{"hi", {}});
  record.text_count = 1;
  fold(state, record);
  EXPECT_EQ(state.head.value, 1u);
  EXPECT_EQ(state.text_count, 1u);
  EXPECT_EQ(state.chat.updated_at.ms, 1001);
  EXPECT_EQ(state.last_effect.value, 0u);
  EXPECT_FALSE(state.members[1].accepted);
}

TEST_F(FoldTest, TheFirstTextOfWhoWasPutInAccepts) {
  fold(state, with_effect(next(b, Text{"hi", {}})));
  EXPECT_TRUE(state.members[1].accepted);
  EXPECT_EQ(state.last_effect.value, 1u);
}

TEST_F(FoldTest, WhoJoinsComesLast) {
  Record record = with_effect(next(c, MemberJoined{{c, a, false, 3}}));
  record.to_name = "c";
  fold(state, record);
  EXPECT_THAT(members(), ElementsAre(a, b, c));
  const Member& member = state.members.back();
  EXPECT_EQ(member.user_name, "c");
  EXPECT_EQ(member.role, Role::kMember);
  EXPECT_EQ(member.entry, Entry::kOwn);
  EXPECT_TRUE(member.accepted);
  EXPECT_EQ(member.joined_at.value, 1u);
  EXPECT_EQ(state.chat.owner, a);
}

TEST_F(FoldTest, WhoLeavesIsFollowed) {
  fold(state, with_effect(next(a, MemberLeft{{a, b, false, 1}, b})));
  EXPECT_THAT(members(), ElementsAre(b));
  EXPECT_EQ(state.members[0].role, Role::kOwner);
  EXPECT_EQ(state.chat.owner, b);
}

TEST_F(FoldTest, TheLastToLeaveArchivesAndAJoinRevives) {
  fold(state, with_effect(next(b, MemberLeft{{b, a, false, 1}, {}})));
  fold(state, with_effect(next(a, MemberLeft{{a, {}, true, 0}, {}})));
  EXPECT_TRUE(state.chat.archived);
  EXPECT_FALSE(state.chat.owner);
  fold(state, with_effect(next(c, MemberJoined{{c, c, false, 1}, Role::kOwner})));
  EXPECT_FALSE(state.chat.archived);
  EXPECT_EQ(state.chat.owner, c);
  EXPECT_EQ(state.members[0].role, Role::kOwner);
  EXPECT_EQ(state.last_effect.value, 3u);
}

TEST_F(FoldTest, WhatIsAboutNobodyHereChangesNobody) {
  fold(state, with_effect(next(c, MemberLeft{{c, a, false, 2}, c})));
  fold(state, with_effect(next(c, Text{"x", {}})));
  EXPECT_THAT(members(), ElementsAre(a, b));
  EXPECT_EQ(state.members[0].role, Role::kOwner);
  EXPECT_FALSE(state.members[1].accepted);
}

// Stores keep the numbers and clients know the names, for ever.
TEST(RecordKinds, AreToldApart) {
  std::set<int> stored;
  std::set<std::pair<std::string_view, std::string_view>> told;
  for (const RecordKind& kind : kRecordKinds) {
    EXPECT_TRUE(stored.insert(kind.stored).second);
    EXPECT_TRUE(told.emplace(kind.event, kind.name).second);
  }
  EXPECT_EQ(stored_kind<Text>(), 0);
  EXPECT_EQ(stored_kind<MemberJoined>(), 1);
  EXPECT_EQ(stored_kind<MemberLeft>(), 2);
}

}  // namespace
}  // namespace maru::chat
