#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "chat/testing/core_harness.hpp"
#include "chat/testing/matchers.hpp"

namespace maru::chat {
namespace {

using testing::answer_of;
using testing::check_store;
using testing::CoreHarness;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::outcome_of;

class MembershipTest : public ::testing::Test {
 protected:
  const ChatState& stored(ChatId chat) { return at.store.chats().at(chat); }
  Role role_of(ChatId chat, UserId user) {
    for (const Member& member : stored(chat).members) {
      if (member.user == user) return member.role;
    }
    ADD_FAILURE() << "no member";
    return Role::kMember;
  }
  // Roles other than the owner's come with a later command; a chat may be made with them already.
  ChatId add_group_with_admins(UserId owner, const std::vector<UserId>& others,
                               const std::vector<UserId>& admins) {
    const ChatState& like = stored(at.add_group(owner, others));
    ChatInserted inserted;
    inserted.chat = like.chat;
    inserted.chat.id = at.ids.next<ChatId>();
    inserted.chat.number = ChatNumber{like.chat.number.value + 1};
    inserted.caller = owner;
    inserted.members = like.members;
    for (Member& member : inserted.members) {
      if (std::ranges::find(admins, member.user) != admins.end()) member.role = Role::kAdmin;
    }
    EXPECT_EQ(at.store.append(std::vector<Change>{inserted}), Appended::kCommitted);
    return inserted.chat.id;
  }

  CoreHarness at;
  UserId a = at.add_guest("a");
  UserId b = at.add_guest("b");
  UserId c = at.add_guest("c");
  UserId d = at.add_guest("d");
  ChatId pair = at.add_personal(a, b);
};

TEST_F(MembershipTest, JoiningIsASystemMessageAndAnAddedChat) {
  const ChatId group = at.add_group(a);
  at.send(group, a, "first");
  at.bus.events.clear();
  const auto joined = answer_of<Joined>(at.run(JoinChat{group, b}));
  EXPECT_EQ(joined.document.chat.id, group);
  EXPECT_EQ(joined.document.head.value, 2u);
  EXPECT_EQ(joined.document.members.size(), 2u);
  EXPECT_EQ(joined.sequence.value, 2u);

  const Record& record = *at.store.records(group).back();
  const auto& body = std::get<chat::MemberJoined>(record.body);
  EXPECT_EQ(body.subject, b);
  EXPECT_EQ(body.role, Role::kMember);
  EXPECT_EQ(body.owner, a);
  EXPECT_FALSE(body.archived);
  EXPECT_EQ(body.member_count, 2u);
  EXPECT_EQ(record.actor, b);
  EXPECT_EQ(record.to_name, "b");
  EXPECT_FALSE(record.to);

  ASSERT_EQ(at.bus.events.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<RecordCommitted>(at.bus.events[0]));
  const auto& added = std::get<ChatAdded>(at.bus.events[1]);
  EXPECT_THAT(added.users, ElementsAre(b));
  EXPECT_EQ(added.document.head.value, 2u);
  EXPECT_EQ(added.document.members.size(), 2u);
  EXPECT_EQ(added.document.members.back().joined_at.value, 2u);
  EXPECT_EQ(added.document.owner_name, "a");
}

TEST_F(MembershipTest, JoiningAgainIsFine) {
  const ChatId group = at.add_group(a, {b});
  at.bus.events.clear();
  EXPECT_EQ(answer_of<Joined>(at.run(JoinChat{group, b})).sequence.value, 0u);
  EXPECT_EQ(answer_of<Joined>(at.run(JoinChat{pair, b})).sequence.value, 0u);
  EXPECT_THAT(at.bus.events, IsEmpty());
}

TEST_F(MembershipTest, RefusesJoins) {
  const ChatId group = at.add_group(a);
  EXPECT_EQ(outcome_of(at.run(JoinChat{ChatId{}, a})), "not_found");
  EXPECT_EQ(outcome_of(at.run(JoinChat{pair, c})), "not_found");
  EXPECT_EQ(outcome_of(at.run(JoinChat{group, UserId{}})), "not_found");
  const LoggedIn gone = at.log_in_guest("gone");
  ASSERT_TRUE(at.run(RevokeSession{gone.user.id, gone.session.id}));
  EXPECT_EQ(outcome_of(at.run(JoinChat{group, gone.user.id})), "unauthenticated");
  EXPECT_THAT(at.store.records(group), IsEmpty());
}

TEST_F(MembershipTest, AGroupHasAtMostOneHundredMembers) {
  const ChatId group = at.add_group(a);
  std::vector<CommandBody> joins;
  for (std::size_t i = 0; i < limits::kGroupMembersMax; ++i) {
    joins.push_back(JoinChat{group, at.add_guest("user" + std::to_string(i))});
  }
  const auto replies = at.run_batch(std::move(joins));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    EXPECT_EQ(outcome_of(replies[i]), i + 1 < limits::kGroupMembersMax ? "ok" : "chat_full");
  }
  EXPECT_EQ(stored(group).members.size(), limits::kGroupMembersMax);
  ASSERT_TRUE(at.run(LeaveChat{group, a}));
  EXPECT_EQ(outcome_of(at.run(JoinChat{group, b})), "ok");
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

TEST_F(MembershipTest, AUserIsInAtMostOneThousandChats) {
  std::vector<CommandBody> creates;
  for (std::size_t i = 0; i < limits::kChatsPerUserMax; ++i) {
    creates.push_back(CreateChat{c, "group", false, {}, {}});
  }
  for (const Reply& reply : at.run_batch(std::move(creates))) ASSERT_TRUE(reply);
  const ChatId group = at.add_group(a);
  EXPECT_EQ(outcome_of(at.run(CreateChat{c, "one more", false, {}, {}})), "validation_failed");
  // What others do takes nothing away from c, nor is it in their way that c has done much.
  EXPECT_EQ(outcome_of(at.run(CreateChat{d, "with c", false, {c}, {}})), "ok");
  EXPECT_EQ(outcome_of(at.run(CreateChat{d, "to c", true, {c}, {}})), "ok");
  const Reply refused = at.run(JoinChat{group, c});
  ASSERT_EQ(outcome_of(refused), "validation_failed");
  EXPECT_EQ(refused.error().fields.at(0).limit, 1000);

  // Leaving makes room at once, within the same batch too; a second join of it is one too many.
  const ChatId first = at.store.chats().begin()->first;
  const ChatId left = stored(first).chat.owner == c ? first : [&] {
    for (const auto& [id, state] : at.store.chats()) {
      if (state.chat.owner == c) return id;
    }
    return ChatId{};
  }();
  const ChatId other = at.add_group(b);
  const auto replies = at.run_batch({LeaveChat{left, c}, JoinChat{group, c}, JoinChat{other, c}});
  EXPECT_EQ(outcome_of(replies[0]), "ok");
  EXPECT_EQ(outcome_of(replies[1]), "ok");
  EXPECT_EQ(outcome_of(replies[2]), "validation_failed");
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

TEST_F(MembershipTest, LeavingIsASystemMessageAndARemovedChat) {
  const ChatId group = at.add_group(a, {b});
  at.bus.events.clear();
  const auto left = answer_of<Left>(at.run(LeaveChat{group, b}));
  EXPECT_TRUE(left.left);
  EXPECT_EQ(left.sequence.value, 1u);
  const Record& record = *at.store.records(group).back();
  const auto& body = std::get<chat::MemberLeft>(record.body);
  EXPECT_EQ(body.subject, b);
  EXPECT_EQ(body.owner, a);
  EXPECT_FALSE(body.promoted || body.archived);
  EXPECT_EQ(body.member_count, 1u);
  EXPECT_EQ(record.to_name, "b");
  ASSERT_EQ(at.bus.events.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<RecordCommitted>(at.bus.events[0]));
  const auto& removed = std::get<ChatRemoved>(at.bus.events[1]);
  EXPECT_THAT(removed.users, ElementsAre(b));
  EXPECT_EQ(removed.chat, group);
  EXPECT_EQ(removed.number, stored(group).chat.number);
}

TEST_F(MembershipTest, LeavingAgainIsFineAndAPersonalChatStays) {
  const ChatId group = at.add_group(a);
  at.bus.events.clear();
  EXPECT_FALSE(answer_of<Left>(at.run(LeaveChat{group, b})).left);
  EXPECT_EQ(outcome_of(at.run(LeaveChat{ChatId{}, b})), "not_found");
  EXPECT_EQ(outcome_of(at.run(LeaveChat{pair, c})), "not_found");
  EXPECT_EQ(outcome_of(at.run(LeaveChat{pair, a})), "forbidden");
  EXPECT_THAT(at.bus.events, IsEmpty());
}

TEST_F(MembershipTest, TheOldestMemberFollowsTheOwner) {
  const ChatId group = at.add_group(a, {b, c});
  ASSERT_TRUE(at.run(LeaveChat{group, a}));
  EXPECT_EQ(stored(group).chat.owner, b);
  EXPECT_EQ(role_of(group, b), Role::kOwner);
  EXPECT_EQ(role_of(group, c), Role::kMember);
}

TEST_F(MembershipTest, TheOldestAdminComesBeforeOlderMembers) {
  const ChatId group = add_group_with_admins(a, {b, c, d}, {c, d});
  ASSERT_TRUE(at.run(LeaveChat{group, a}));
  EXPECT_EQ(stored(group).chat.owner, c);
  EXPECT_EQ(role_of(group, c), Role::kOwner);
  EXPECT_EQ(role_of(group, d), Role::kAdmin);
}

TEST_F(MembershipTest, OwnershipStaysWhenAnotherLeaves) {
  const ChatId group = at.add_group(a, {b});
  ASSERT_TRUE(at.run(LeaveChat{group, b}));
  EXPECT_EQ(stored(group).chat.owner, a);
  EXPECT_FALSE(stored(group).chat.archived);
}

TEST_F(MembershipTest, TheLastToLeaveArchivesAndAJoinRevives) {
  const ChatId group = at.add_group(a);
  ASSERT_TRUE(at.run(LeaveChat{group, a}));
  EXPECT_TRUE(stored(group).chat.archived);
  EXPECT_FALSE(stored(group).chat.owner.has_value());
  EXPECT_EQ(system_of(*at.store.records(group).back())->member_count, 0u);
  EXPECT_EQ(outcome_of(at.run(SendMessage{group, a, "x", {}})), "not_member");

  at.bus.events.clear();
  EXPECT_EQ(answer_of<Joined>(at.run(JoinChat{group, b})).sequence.value, 2u);
  EXPECT_FALSE(stored(group).chat.archived);
  EXPECT_EQ(stored(group).chat.owner, b);
  EXPECT_EQ(role_of(group, b), Role::kOwner);
  EXPECT_EQ(at.bus.all<ChatAdded>().at(0).document.owner_name, "b");
  EXPECT_EQ(at.send(group, b, "x")->sequence.value, 3u);
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

TEST_F(MembershipTest, AFailedLoadChangesNothing) {
  const ChatId group = at.add_group(a, {b});
  LaneCounters counters;
  for (std::size_t skip = 0;; ++skip) {
    GroupCommit cold(at.store, at.bus, at.clock, at.ids, counters);
    at.store.fail_loads(1, skip);
    std::string outcome;
    Command join{JoinChat{group, c}, [&](const Reply& reply) { outcome = outcome_of(reply); }};
    cold.run({&join, 1});
    if (outcome == "ok") break;
    EXPECT_EQ(outcome, "unavailable");
    EXPECT_THAT(at.store.records(group), IsEmpty());
    ASSERT_LT(skip, 10u);
  }
  at.store.fail_loads(0);
  EXPECT_EQ(at.store.records(group).size(), 1u);
}

// ---- a leave that waits for its grace
// -----------------------------------------------------------------------------------

class AskedLeaveTest : public MembershipTest {
 protected:
  std::uint64_t ask(UserId user) {
    const Reply reply = at.run(AskLeave{group, user});
    return std::get<LeaveAsked>(*reply).ticket;
  }
  bool leave(UserId user, std::uint64_t ticket) {
    return std::get<Left>(*at.run(LeaveChat{group, user, ticket})).left;
  }
  ChatId group = at.add_group(a, {b, c});
};

TEST_F(AskedLeaveTest, LeavesWhenNobodyJoinedMeanwhile) {
  const std::uint64_t ticket = ask(b);
  EXPECT_EQ(at.store.records(group).size(), 0u);
  EXPECT_TRUE(leave(b, ticket));
  EXPECT_FALSE(leave(b, ticket));
}

TEST_F(AskedLeaveTest, AJoinDecidedSinceWins) {
  const std::uint64_t first = ask(b);
  const std::uint64_t second = ask(b);
  const std::uint64_t of_another = ask(c);
  ASSERT_EQ(std::get<Joined>(*at.run(JoinChat{group, b})).sequence.value, 0u);
  EXPECT_FALSE(leave(b, first));
  EXPECT_FALSE(leave(b, second));
  EXPECT_TRUE(leave(c, of_another));
  EXPECT_TRUE(at.run(SendMessage{group, b, "still here", {}}));
  EXPECT_TRUE(leave(b, ask(b)));
}

TEST_F(AskedLeaveTest, SoDoesAJoinAfterALeaveAtOnce) {
  const std::uint64_t ticket = ask(b);
  ASSERT_TRUE(leave(b, 0));
  ASSERT_TRUE(at.run(JoinChat{group, b}));
  EXPECT_FALSE(leave(b, ticket));
  EXPECT_TRUE(at.run(SendMessage{group, b, "back", {}}));
}

TEST_F(AskedLeaveTest, AJoinOfTheSameBatchCountsInItsPlace) {
  const std::uint64_t ticket = ask(b);
  const auto replies = at.run_batch(
      {JoinChat{group, b}, LeaveChat{group, b, ticket}, SendMessage{group, b, "x", {}}});
  EXPECT_FALSE(std::get<Left>(*replies[1]).left);
  EXPECT_TRUE(replies[2]);
  const std::uint64_t later = ask(b);
  const auto other = at.run_batch({LeaveChat{group, b, later}, JoinChat{group, b}});
  EXPECT_TRUE(std::get<Left>(*other[0]).left);
  EXPECT_NE(std::get<Joined>(*other[1]).sequence.value, 0u);
}

TEST_F(AskedLeaveTest, HasNothingToAskWhereNothingCanBeLeft) {
  EXPECT_FALSE(std::get<Left>(*at.run(AskLeave{pair, a})).left);
  EXPECT_FALSE(std::get<Left>(*at.run(AskLeave{group, d})).left);
  EXPECT_EQ(at.run(AskLeave{pair, c}).error().code, ErrorCode::kNotFound);
}

TEST(AskedLeaves, TheOldestAreForgottenAndDoNotHappen) {
  AskedLeaves leaves(2);
  const ChatId chat(ChatId::Bytes{1});
  const auto user = [](std::uint8_t n) { return UserId(UserId::Bytes{n}); };
  const auto oldest = leaves.ask(chat, user(1));
  const auto twice = leaves.ask(chat, user(2));
  const auto again = leaves.ask(chat, user(2));
  EXPECT_FALSE(leaves.stands(chat, user(1), oldest));
  EXPECT_TRUE(leaves.stands(chat, user(2), twice));
  EXPECT_NE(leaves.ask(chat, user(3)), 0u);
  EXPECT_TRUE(leaves.stands(chat, user(2), again));
}

}  // namespace
}  // namespace maru::chat
