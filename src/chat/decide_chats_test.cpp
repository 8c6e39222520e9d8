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

constexpr std::int64_t kDayMs = 24 * 60 * 60 * 1000;

class CreateChatTest : public ::testing::Test {
 protected:
  CreateChat group(std::vector<UserId> users, std::optional<std::string> key = std::nullopt,
                   std::string name = "group") {
    return CreateChat{a, std::move(name), false, std::move(users), std::move(key)};
  }
  CreateChat personal(UserId caller, std::vector<UserId> users) {
    return CreateChat{caller, "pair", true, std::move(users), std::nullopt};
  }

  CoreHarness at;
  UserId a = at.add_guest("a");
  UserId b = at.add_guest("b");
  UserId c = at.add_guest("c");
};

TEST_F(CreateChatTest, MembersAreThereFromTheStartWithoutARecord) {
  at.bus.events.clear();
  const auto created = answer_of<ChatCreated>(at.run(group({b, a, b, c})));
  EXPECT_FALSE(created.existed);
  const ChatDocument& document = created.document;
  EXPECT_EQ(document.chat.number.value, 1);
  EXPECT_EQ(document.chat.name, "group");
  EXPECT_FALSE(document.chat.is_personal);
  EXPECT_FALSE(document.chat.archived);
  EXPECT_EQ(document.chat.owner, a);
  EXPECT_EQ(document.owner_name, "a");
  EXPECT_EQ(document.head.value, 0u);
  ASSERT_EQ(document.members.size(), 3u);
  EXPECT_EQ(document.members[0].user, a);
  EXPECT_EQ(document.members[0].role, Role::kOwner);
  EXPECT_EQ(document.members[1].user, b);
  EXPECT_EQ(document.members[1].role, Role::kMember);
  EXPECT_EQ(document.members[2].user_name, "c");
  EXPECT_EQ(document.members[2].joined_at.value, 0u);

  ASSERT_EQ(at.bus.events.size(), 1u);
  EXPECT_THAT(std::get<ChatAdded>(at.bus.events[0]).users, ElementsAre(a, b, c));
  EXPECT_THAT(at.store.records(document.chat.id), IsEmpty());
  EXPECT_EQ(at.send(document.chat.id, b, "x")->sequence.value, 1u);
}

TEST_F(CreateChatTest, NumbersGoUpByOneWithinABatchAndAcross) {
  const auto replies = at.run_batch({group({}), group({}), personal(a, {b})});
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(answer_of<ChatCreated>(replies[i]).document.chat.number.value, i + 1);
  }
  EXPECT_EQ(answer_of<ChatCreated>(at.run(group({}))).document.chat.number.value, 4);
}

TEST_F(CreateChatTest, RefusesUnknownAndDeletedUsers) {
  const LoggedIn gone = at.log_in_guest("gone");
  ASSERT_TRUE(at.run(RevokeSession{gone.user.id, gone.session.id}));
  for (const UserId& user : {UserId{}, gone.user.id}) {
    const Reply reply = at.run(group({b, user}));
    ASSERT_EQ(outcome_of(reply), "not_found");
    EXPECT_EQ(reply.error().fields.at(0).field, "users");
    EXPECT_EQ(outcome_of(at.run(personal(a, {user}))), "not_found");
  }
  EXPECT_EQ(outcome_of(at.run(CreateChat{UserId{}, "x", false, {}, {}})), "not_found");
  EXPECT_EQ(outcome_of(at.run(CreateChat{gone.user.id, "x", false, {}, {}})), "unauthenticated");
  EXPECT_THAT(at.store.chats(), IsEmpty());
}

TEST_F(CreateChatTest, OneHundredMembersAreEnough) {
  std::vector<UserId> users;
  for (std::size_t i = 1; i < limits::kGroupMembersMax; ++i) {
    users.push_back(at.add_guest("user" + std::to_string(i)));
  }
  EXPECT_EQ(outcome_of(at.run(group(users))), "ok");
  users.push_back(b);
  EXPECT_EQ(outcome_of(at.run(group(users))), "chat_full");
}

TEST_F(CreateChatTest, APersonalChatIsTheCallerAndOneOther) {
  EXPECT_EQ(outcome_of(at.run(personal(a, {}))), "validation_failed");
  EXPECT_EQ(outcome_of(at.run(personal(a, {a}))), "validation_failed");
  EXPECT_EQ(outcome_of(at.run(personal(a, {b, c}))), "validation_failed");
  EXPECT_EQ(outcome_of(at.run(personal(a, {b, a, b}))), "ok");
}

TEST_F(CreateChatTest, APersonalChatIsOnePerPair) {
  const auto first = answer_of<ChatCreated>(at.run(personal(a, {b})));
  at.send(first.document.chat.id, b, "hi");
  at.bus.events.clear();
  const auto again = answer_of<ChatCreated>(at.run(personal(b, {a})));
  EXPECT_TRUE(again.existed);
  EXPECT_EQ(again.document.chat.id, first.document.chat.id);
  EXPECT_EQ(again.document.head.value, 1u);
  EXPECT_THAT(at.bus.events, IsEmpty());

  const auto replies = at.run_batch({personal(b, {c}), personal(c, {b}), personal(c, {b, c})});
  EXPECT_FALSE(answer_of<ChatCreated>(replies[0]).existed);
  for (int i = 1; i < 3; ++i) {
    EXPECT_TRUE(answer_of<ChatCreated>(replies[i]).existed);
    EXPECT_EQ(answer_of<ChatCreated>(replies[i]).document.chat.id,
              answer_of<ChatCreated>(replies[0]).document.chat.id);
  }
  EXPECT_EQ(at.store.chats().size(), 2u);
}

TEST_F(CreateChatTest, APersonalChatWithADeletedUserIsStillFound) {
  const LoggedIn guest = at.log_in_guest("guest");
  const ChatId chat = at.add_personal(a, guest.user.id);
  ASSERT_TRUE(at.run(RevokeSession{guest.user.id, guest.session.id}));
  at.settle_endings();
  const auto again = answer_of<ChatCreated>(at.run(personal(a, {guest.user.id})));
  EXPECT_EQ(again.document.chat.id, chat);
  EXPECT_EQ(again.document.members[1].user_name, at.store.users().at(guest.user.id).name);
}

TEST_F(CreateChatTest, AKeyIsUsedOnceForADay) {
  const auto first = answer_of<ChatCreated>(at.run(group({b, c}, "key")));
  const auto again = answer_of<ChatCreated>(at.run(group({c, b, b}, "key")));
  EXPECT_TRUE(again.existed);
  EXPECT_EQ(again.document.chat.id, first.document.chat.id);
  EXPECT_EQ(outcome_of(at.run(group({b}, "key"))), "idempotency_conflict");
  EXPECT_EQ(outcome_of(at.run(group({b, c}, "key", "other"))), "idempotency_conflict");
  EXPECT_FALSE(answer_of<ChatCreated>(at.run(group({b, c}, "key-2"))).existed);
  EXPECT_FALSE(
      answer_of<ChatCreated>(at.run(CreateChat{b, "group", false, {a, c}, "key"})).existed);

  at.clock.advance_ms(kDayMs);
  EXPECT_TRUE(answer_of<ChatCreated>(at.run(group({b, c}, "key"))).existed);
  at.clock.advance_ms(1);
  EXPECT_FALSE(answer_of<ChatCreated>(at.run(group({b, c}, "key"))).existed);
  EXPECT_EQ(at.counters.conflicts.load(), 0u);
}

TEST_F(CreateChatTest, AKeyThatFoundA1To1MeansItFromThenOn) {
  const ChatId pair = at.add_personal(a, b);
  const CreateChat again{a, "p", true, {b}, "key"};
  EXPECT_EQ(answer_of<ChatCreated>(at.run(again)).document.chat.id, pair);
  EXPECT_EQ(answer_of<ChatCreated>(at.run(again)).document.chat.id, pair);
  EXPECT_EQ(outcome_of(at.run(CreateChat{a, "p", true, {c}, "key"})), "idempotency_conflict");
  EXPECT_EQ(outcome_of(at.run(group({b}, "key"))), "idempotency_conflict");
  const auto replies = at.run_batch({CreateChat{a, "p", true, {b}, "key-2"}, group({b}, "key-2")});
  EXPECT_EQ(outcome_of(replies[0]), "ok");
  EXPECT_EQ(outcome_of(replies[1]), "idempotency_conflict");
  at.clock.advance_ms(kDayMs + 1);
  EXPECT_FALSE(answer_of<ChatCreated>(at.run(group({b}, "key"))).existed);
  EXPECT_THAT(at.store.violations(), ::testing::IsEmpty());
  EXPECT_EQ(at.counters.conflicts.load(), 0u);
}

TEST_F(CreateChatTest, AKeyIsKnownWithinItsBatch) {
  const auto replies = at.run_batch({group({b}, "key"), group({b}, "key"), group({c}, "key")});
  EXPECT_FALSE(answer_of<ChatCreated>(replies[0]).existed);
  EXPECT_TRUE(answer_of<ChatCreated>(replies[1]).existed);
  EXPECT_EQ(outcome_of(replies[2]), "idempotency_conflict");
  EXPECT_EQ(at.store.chats().size(), 1u);
}

TEST_F(CreateChatTest, AFailedLoadChangesNothing) {
  for (std::size_t skip = 0;; ++skip) {
    LaneCounters counters;
    GroupCommit cold(at.store, at.bus, at.clock, at.ids, counters);
    at.store.fail_loads(1, skip);
    std::string outcome;
    Command create{group({b, c}, "key"), [&](const Reply& reply) { outcome = outcome_of(reply); }};
    give_ids(create, at.ids);
    cold.run({&create, 1});
    if (outcome == "ok") break;
    EXPECT_EQ(outcome, "unavailable");
    EXPECT_THAT(at.store.chats(), IsEmpty());
    ASSERT_LT(skip, 20u);
  }
  at.store.fail_loads(0);
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

}  // namespace
}  // namespace maru::chat
