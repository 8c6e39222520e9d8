#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "chat/testing/core_harness.hpp"

namespace maru::chat {
namespace {

using testing::AppendFault;
using testing::check_store;
using testing::CoreHarness;
using ::testing::IsEmpty;

ErrorCode code_of(const Reply& reply) {
  EXPECT_FALSE(reply.has_value());
  return reply ? ErrorCode::kInternal : reply.error().code;
}

class SendTest : public ::testing::Test {
 protected:
  Reply send(ChatId chat, UserId from, std::string text,
             std::optional<std::string> id = std::nullopt) {
    return at.run(SendMessage{chat, from, std::move(text), std::move(id)});
  }

  CoreHarness at;
  UserId a = at.add_guest("a");
  UserId b = at.add_guest("b");
  UserId outsider = at.add_guest("c");
  ChatId group = at.add_group(a, {b});
  ChatId pair = at.add_personal(a, b);
};

TEST_F(SendTest, TakesTheNextSequenceFromOne) {
  const RecordPtr first = at.send(group, a, "hello", "id-1");
  EXPECT_EQ(first->sequence.value, 1u);
  EXPECT_EQ(first->text_count, 1u);
  EXPECT_EQ(first->actor, a);
  EXPECT_EQ(first->actor_name, "a");
  EXPECT_FALSE(first->to.has_value());
  EXPECT_EQ(first->to_name, "");
  EXPECT_EQ(content_of(*first), "hello");
  EXPECT_EQ(*client_msg_id_of(*first), "id-1");
  EXPECT_EQ(first->created_at, at.clock.wall());
  EXPECT_EQ(first->chat_number.value, 1);
  EXPECT_EQ(at.send(group, b, "again")->sequence.value, 2u);
  EXPECT_EQ(at.bus.all<RecordCommitted>().back().record->sequence.value, 2u);
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

TEST_F(SendTest, NamesTheOtherMemberOfAPersonalChat) {
  const RecordPtr record = at.send(pair, b, "hi");
  EXPECT_EQ(record->to, a);
  EXPECT_EQ(record->to_name, "a");
}

TEST_F(SendTest, CountsTextsButNotSystemMessages) {
  at.send(group, a, "1");
  ASSERT_TRUE(at.run(JoinChat{group, outsider}));
  EXPECT_EQ(at.store.records(group).back()->text_count, 1u);
  EXPECT_EQ(at.send(group, a, "2")->text_count, 2u);
}

TEST_F(SendTest, RefusesThoseWhoAreNotMembers) {
  EXPECT_EQ(code_of(send(group, outsider, "x")), ErrorCode::kNotMember);
  EXPECT_EQ(code_of(send(pair, outsider, "x")), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(send(ChatId{}, a, "x")), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(send(group, UserId{}, "x")), ErrorCode::kNotMember);
  EXPECT_THAT(at.bus.all<RecordCommitted>(), IsEmpty());
  EXPECT_THAT(at.store.records(group), IsEmpty());
}

TEST_F(SendTest, ARefusedSendIsDecidedAnewAtItsResend) {
  EXPECT_EQ(code_of(send(group, outsider, "x", "id")), ErrorCode::kNotMember);
  ASSERT_TRUE(at.run(JoinChat{group, outsider}));
  EXPECT_EQ(at.send(group, outsider, "x", "id")->sequence.value, 2u);
}

TEST_F(SendTest, AnswersAResendWithTheFirstRecord) {
  const RecordPtr first = at.send(group, a, "hello", "id");
  at.send(group, b, "between");
  const Reply again = send(group, a, "hello", "id");
  ASSERT_TRUE(again);
  EXPECT_TRUE(std::get<Sent>(*again).duplicate);
  EXPECT_EQ(std::get<Sent>(*again).record->id, first->id);
  EXPECT_EQ(code_of(send(group, a, "other", "id")), ErrorCode::kIdempotencyConflict);
  EXPECT_EQ(at.store.records(group).size(), 2u);
}

TEST_F(SendTest, AnIdBelongsToItsSenderAndChat) {
  at.send(group, a, "x", "id");
  EXPECT_EQ(at.send(group, b, "y", "id")->sequence.value, 2u);
  EXPECT_EQ(at.send(pair, a, "z", "id")->sequence.value, 1u);
}

TEST_F(SendTest, AnswersAResendWithinTheSameBatch) {
  std::vector<CommandBody> bodies;
  for (int i = 0; i < 50; ++i) bodies.push_back(SendMessage{group, a, "same", "id"});
  bodies.push_back(SendMessage{group, a, "different", "id"});
  const auto replies = at.run_batch(std::move(bodies));
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(replies[i]);
    EXPECT_EQ(std::get<Sent>(*replies[i]).duplicate, i > 0);
    EXPECT_EQ(std::get<Sent>(*replies[i]).record->sequence.value, 1u);
  }
  EXPECT_EQ(code_of(replies[50]), ErrorCode::kIdempotencyConflict);
  EXPECT_EQ(at.store.records(group).size(), 1u);
}

TEST_F(SendTest, AFormerMembersResendIsNotRefused) {
  const RecordPtr first = at.send(group, b, "hello", "id");
  ASSERT_TRUE(at.run(LeaveChat{group, b}));
  const Reply again = send(group, b, "hello", "id");
  ASSERT_TRUE(again);
  EXPECT_TRUE(std::get<Sent>(*again).duplicate);
  EXPECT_EQ(std::get<Sent>(*again).record->id, first->id);
  EXPECT_EQ(code_of(send(group, b, "hello", "id-2")), ErrorCode::kNotMember);
}

TEST_F(SendTest, AResendAfterARestartIsFoundInTheStore) {
  const RecordPtr first = at.send(group, a, "hello", "id");
  LaneCounters counters;
  GroupCommit restarted(at.store, at.bus, at.clock, at.ids, counters);
  std::optional<Reply> reply;
  Command command{SendMessage{group, a, "hello", "id"}, [&](Reply r) { reply = std::move(r); }};
  restarted.run({&command, 1});
  ASSERT_TRUE(reply && *reply);
  EXPECT_TRUE(std::get<Sent>(**reply).duplicate);
  EXPECT_EQ(std::get<Sent>(**reply).record->id, first->id);
  EXPECT_EQ(counters.conflicts.load(), 0u);
}

// The filter forgets: then the store's unique key finds the resend, and nothing is lost.
TEST(SendAfterTheFilterForgot, AResendIsStillOne) {
  CoreHarness at(1, CacheLimits{.sent_max = 10, .look_up_sends = 5});
  const UserId a = at.add_guest("a");
  const ChatId group = at.add_group(a);
  const RecordPtr first = at.send(group, a, "hello", "id");
  for (int i = 0; i < 25; ++i) at.send(group, a, "x", "x-" + std::to_string(i));
  ASSERT_EQ(at.counters.conflicts.load(), 0u);

  const auto replies =
      at.run_batch({SendMessage{group, a, "before", "n-1"}, SendMessage{group, a, "hello", "id"},
                    SendMessage{group, a, "other", "id"}, SendMessage{group, a, "after", "n-2"}});
  ASSERT_TRUE(replies[0] && replies[1] && replies[3]);
  EXPECT_TRUE(std::get<Sent>(*replies[1]).duplicate);
  EXPECT_EQ(std::get<Sent>(*replies[1]).record->id, first->id);
  EXPECT_EQ(code_of(replies[2]), ErrorCode::kIdempotencyConflict);
  EXPECT_EQ(std::get<Sent>(*replies[0]).record->sequence.value, 27u);
  EXPECT_EQ(std::get<Sent>(*replies[3]).record->sequence.value, 28u);
  EXPECT_EQ(at.counters.conflicts.load(), 1u);
  EXPECT_EQ(at.bus.phantoms, 0u);
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

// Nobody else pays for it: the ids of that batch are looked up and no others, and the sender's own
// from then on, who is likely to resend more.
TEST(SendAfterTheFilterForgot, OnlyThatBatchAndThatSenderAreLookedUp) {
  constexpr std::size_t kBatch = 1'024;
  CoreHarness at(1, CacheLimits{.sent_max = 10, .look_up_sends = 0});
  const UserId a = at.add_guest("a");
  const UserId b = at.add_guest("b");
  const ChatId group = at.add_group(a, {b});
  for (int i = 0; i < 40; ++i) at.send(group, a, "x", "old-" + std::to_string(i));
  const auto send_new = [&](UserId from, const std::string& prefix, std::size_t count) {
    std::vector<CommandBody> bodies;
    for (std::size_t i = 0; i < count; ++i) {
      bodies.emplace_back(SendMessage{group, from, "n", prefix + std::to_string(i)});
    }
    return bodies;
  };
  std::vector<CommandBody> batch = send_new(b, "one-", kBatch - 1);
  batch.emplace_back(SendMessage{group, a, "x", "old-0"});
  const std::uint64_t before = at.counters.send_looks.load();
  const auto replies = at.run_batch(std::move(batch));
  EXPECT_TRUE(std::get<Sent>(*replies.back()).duplicate);
  EXPECT_EQ(at.counters.conflicts.load(), 1u);
  // Beyond those that the small filter takes for known.
  const std::uint64_t of_batch = at.counters.send_looks.load() - before;
  EXPECT_GE(of_batch, kBatch);
  EXPECT_LE(of_batch, kBatch + kBatch / 10);

  const std::uint64_t after = at.counters.send_looks.load();
  for (int i = 0; i < 10; ++i) at.run_batch(send_new(b, "more-" + std::to_string(i), 1'000));
  EXPECT_LE(at.counters.send_looks.load() - after, 100u);

  const auto again =
      at.run_batch({SendMessage{group, a, "x", "old-1"}, SendMessage{group, b, "n", "last"}});
  EXPECT_TRUE(std::get<Sent>(*again[0]).duplicate);
  EXPECT_EQ(at.counters.conflicts.load(), 1u);
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

TEST(SendAfterTheFilterForgot, AFormerMembersResendIsNotRefused) {
  CoreHarness at(1, CacheLimits{.sent_max = 2, .look_up_sends = 0});
  const UserId a = at.add_guest("a");
  const UserId b = at.add_guest("b");
  const ChatId group = at.add_group(a, {b});
  const RecordPtr first = at.send(group, b, "hello", "id");
  for (int i = 0; i < 5; ++i) at.send(group, a, "x", "x-" + std::to_string(i));
  ASSERT_TRUE(at.run(LeaveChat{group, b}));
  const Reply again = at.run(SendMessage{group, b, "hello", "id"});
  ASSERT_TRUE(again);
  EXPECT_TRUE(std::get<Sent>(*again).duplicate);
  EXPECT_EQ(std::get<Sent>(*again).record->id, first->id);
}

TEST(SentFilter, KnowsTheLastOnesAndForgetsOlderOnes) {
  SentFilter filter(100);
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> hashes(1000);
  for (std::uint64_t& hash : hashes) filter.add(hash = random());
  for (std::size_t i = 900; i < 1000; ++i) EXPECT_TRUE(filter.may_have(hashes[i])) << i;
  std::size_t known = 0;
  for (std::size_t i = 0; i < 800; ++i) known += filter.may_have(hashes[i]);
  EXPECT_LT(known, 8u);
}

TEST_F(SendTest, ADeletedUserCannotWriteToItsPersonalChats) {
  const LoggedIn guest = at.log_in_guest("leaving");
  const ChatId chat = at.add_personal(guest.user.id, a);
  at.send(chat, guest.user.id, "hello", "id");
  ASSERT_TRUE(at.run(RevokeSession{guest.user.id, guest.session.id}));
  at.settle_endings();
  EXPECT_EQ(code_of(send(chat, guest.user.id, "x")), ErrorCode::kUnauthenticated);
  const RecordPtr answer = at.send(chat, a, "are you there?");
  EXPECT_EQ(answer->to, guest.user.id);
  EXPECT_EQ(answer->to_name, at.store.users().at(guest.user.id).name);
}

TEST_F(SendTest, AFailedLoadChangesNothing) {
  LaneCounters counters;
  GroupCommit cold(at.store, at.bus, at.clock, at.ids, counters);
  for (std::size_t skip = 0; skip < 2; ++skip) {
    at.store.fail_loads(1, skip);
    std::optional<Reply> reply;
    Command command{SendMessage{group, a, "hello", "id"}, [&](Reply r) { reply = std::move(r); }};
    cold.run({&command, 1});
    EXPECT_EQ(code_of(*reply), ErrorCode::kUnavailable);
  }
  EXPECT_THAT(at.store.records(group), IsEmpty());
  EXPECT_EQ(at.send(group, a, "hello", "id")->sequence.value, 1u);
}

}  // namespace
}  // namespace maru::chat
