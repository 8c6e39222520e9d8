// Each allocation of a batch fails once: its commands are refused or stored and told, and what
// comes next finds the state that the store has.
#include "base/memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/failing_allocations.hpp"
#include "chat/testing/core_harness.hpp"

namespace maru::chat {
namespace {

using maru::testing::FailingAllocation;
using testing::check_store;
using testing::CoreHarness;
using ::testing::IsEmpty;
using testing::new_session;

// Answers into storage that is there already: what fails is the batch's own.
class Batch {
 public:
  Batch(std::vector<CommandBody> bodies, IdSource& ids) : answers_(bodies.size(), 0) {
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      commands_.push_back({std::move(bodies[i]), [this, i](const Reply& reply) {
                             ++answers_[i];
                             if (reply && i == 0) sent = std::get<Sent>(*reply).record;
                             if (!reply && reply.error().code == ErrorCode::kUnavailable) ++refused;
                           }});
      give_ids(commands_.back(), ids);
    }
  }
  void run(CoreHarness& at) {
    at.commit.run(commands_);
    for (const int answers : answers_) EXPECT_EQ(answers, 1);
  }

  RecordPtr sent;  // null: the first command was refused
  std::size_t refused = 0;

 private:
  std::vector<Command> commands_;
  std::vector<int> answers_;
};

std::vector<CommandBody> everything(UserId a, UserId b, UserId c, ChatId group, int round) {
  const std::string id = std::to_string(round);
  std::vector<CommandBody> bodies;
  bodies.emplace_back(SendMessage{group, a, "a text that is longer than what a string keeps", id});
  bodies.emplace_back(JoinChat{group, c});
  bodies.emplace_back(SendMessage{group, c, "another", {}});
  bodies.emplace_back(CreateChat{a, "group " + id, false, {b}, {}});
  bodies.emplace_back(
      OpenGuest{"guest " + id, "guest " + id, GuestRule::kNameMustBeFree, new_session()});
  bodies.emplace_back(LeaveChat{group, c});
  return bodies;
}

TEST(ChatMemory, WhatABatchHasNoneForIsRefusedOrStoredAndTold) {
  memory::prepare();
  CoreHarness at;
  const UserId a = at.add_guest("a");
  const UserId b = at.add_guest("b");
  const UserId c = at.add_guest("c");
  const ChatId group = at.add_group(a, {b});
  std::size_t refused = 0;
  std::size_t stored = 0;
  int round = 0;
  for (bool failed = true; failed; ++round) {
    ASSERT_LT(round, 5'000);
    const std::uint64_t head = at.store.records(group).size();
    Batch batch(everything(a, b, c, group, round), at.ids);
    {
      const FailingAllocation failing(static_cast<std::size_t>(round) + 1);
      batch.run(at);
      failed = FailingAllocation::happened();
    }
    refused += batch.refused;
    stored += batch.refused == 0 ? 1 : 0;
    ASSERT_THAT(check_store(at.store), IsEmpty()) << round;
    ASSERT_EQ(at.bus.phantoms, 0u) << round;
    // What was acknowledged is stored; what was not is stored now, at the head and once.
    const RecordPtr again =
        at.send(group, a, "a text that is longer than what a string keeps", std::to_string(round));
    if (batch.sent) {
      ASSERT_EQ(again->sequence, batch.sent->sequence) << round;
      ASSERT_EQ(at.store.records(group)[again->sequence.value - 1], batch.sent) << round;
    } else {
      ASSERT_EQ(again->sequence.value, at.store.records(group).size()) << round;
      ASSERT_GT(again->sequence.value, head) << round;
    }
    ASSERT_THAT(check_store(at.store), IsEmpty()) << round;
  }
  EXPECT_GT(refused, 0u);
  EXPECT_GT(stored, 0u);
  EXPECT_GT(memory::failures(), 0u);
}

}  // namespace
}  // namespace maru::chat
