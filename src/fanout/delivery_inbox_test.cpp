#include "fanout/delivery_inbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <new>
#include <string>
#include <thread>

#include "fanout/testing/fakes.hpp"

namespace maru::fanout {
namespace {

using testing::chat_id;
using ::testing::ElementsAre;
using testing::FakeListener;
using ::testing::IsEmpty;
using testing::record_event;
using testing::session_id;
using testing::user_id;

// A hub with two I/O threads, both driven by hand. Each has a listener to chat 1; what it hears and
// which answers come is written into one log a thread.
class DeliveryInboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (unsigned k = 0; k < 2; ++k) {
      listeners[k].on_deliver = [this, k](const wire::WireEvent& event) {
        log[k].push_back("event " + std::to_string(event.sequence.value));
      };
      inboxes[k].rooms().add(listeners[k], user_id(k + 1), session_id(k + 1));
    }
  }
  void TearDown() override {
    for (unsigned k = 0; k < 2; ++k) inboxes[k].rooms().remove(listeners[k]);
  }
  void listen(unsigned k, ChatId chat) {
    inboxes[k].rooms().attach_pending(chat, listeners[k]);
    inboxes[k].rooms().release(chat, listeners[k], {0});
  }
  chat::Answer answer(unsigned k, const std::string& name) {
    return {chat::ReplyHandler(k,
                               [this, k, name](const chat::Reply& reply) {
                                 log[k].push_back(name + (reply ? "" : " refused"));
                               }),
            chat::Done{}};
  }
  template <class... More>
  std::vector<chat::Answer> answers(More... more) {
    std::vector<chat::Answer> out;
    (out.push_back(std::move(more)), ...);
    return out;
  }
  void commit(const std::vector<chat::Event>& events, std::vector<chat::Answer>&& homed) {
    hub.on_batch(events, std::move(homed));
  }

  const ChatId kChat = chat_id(1);
  ManualClock clock;
  InterestTable interest{2};
  std::array<int, 2> wakes{};
  std::array<DeliveryInbox, 2> inboxes{DeliveryInbox(0, interest, [this] { ++wakes[0]; }),
                                       DeliveryInbox(1, interest, [this] { ++wakes[1]; })};
  Hub hub{{inboxes[0].target(), inboxes[1].target()}, interest, nullptr, clock};
  std::array<FakeListener, 2> listeners;
  std::array<std::vector<std::string>, 2> log;
};

// However many events and answers: one delivery, one wake-up, the events first.
TEST_F(DeliveryInboxTest, ABatchIsOneDeliveryWithItsEventsFirst) {
  listen(0, kChat);
  commit({record_event(kChat, 1), record_event(kChat, 2)}, answers(answer(0, "a"), answer(0, "b")));
  EXPECT_EQ(inboxes[0].waiting(), 1u);
  EXPECT_EQ(inboxes[1].waiting(), 0u);
  EXPECT_EQ(wakes, (std::array<int, 2>{1, 0}));
  EXPECT_THAT(log[0], IsEmpty());
  inboxes[0].drain();
  EXPECT_THAT(log[0], ElementsAre("event 1", "event 2", "a", "b"));
}

TEST_F(DeliveryInboxTest, BatchesKeepTheOrderOfTheCommits) {
  listen(0, kChat);
  commit({record_event(kChat, 1)}, answers(answer(0, "a")));
  commit({}, answers(answer(0, "refused")));
  commit({record_event(kChat, 2)}, {});
  commit({record_event(kChat, 3)}, answers(answer(0, "c")));
  EXPECT_EQ(wakes[0], 1);  // the thread was on its way already
  inboxes[0].drain();
  EXPECT_THAT(log[0], ElementsAre("event 1", "a", "refused", "event 2", "event 3", "c"));
}

TEST_F(DeliveryInboxTest, AnswersGoToTheirOwnThreadOnly) {
  listen(1, kChat);
  commit({record_event(kChat, 1)}, answers(answer(0, "a"), answer(1, "b"), answer(0, "c")));
  commit({record_event(kChat, 2)}, answers(answer(0, "d")));
  for (DeliveryInbox& inbox : inboxes) inbox.drain();
  EXPECT_THAT(log[0], ElementsAre("a", "c", "d"));  // nobody there hears the chat
  EXPECT_THAT(log[1], ElementsAre("event 1", "b", "event 2"));
}

// An answer may attach, and what it attaches to begins with the next batch.
TEST_F(DeliveryInboxTest, WhatAnAnswerDoesHoldsForTheNextBatch) {
  std::vector<chat::Answer> attaching;
  attaching.push_back({chat::ReplyHandler(0, [&](const chat::Reply&) { listen(0, kChat); }), {}});
  commit({record_event(kChat, 1)}, std::move(attaching));
  inboxes[0].drain();
  commit({record_event(kChat, 2)}, {});
  inboxes[0].drain();
  EXPECT_THAT(log[0], ElementsAre("event 2"));
}

TEST_F(DeliveryInboxTest, PostedWorkRunsBehindWhatWaits) {
  commit({}, answers(answer(0, "a")));
  inboxes[0].post([this] { log[0].emplace_back("posted"); });
  commit({}, answers(answer(0, "b")));
  inboxes[0].drain();
  EXPECT_THAT(log[0], ElementsAre("a", "posted", "b"));
}

TEST_F(DeliveryInboxTest, OneWithoutMemoryKeepsNobodyFromTheirAnswer) {
  std::vector<chat::Answer> both;
  both.push_back({chat::ReplyHandler(0, [](const chat::Reply&) { throw std::bad_alloc(); }), {}});
  both.push_back(answer(0, "b"));
  commit({}, std::move(both));
  inboxes[0].drain();
  EXPECT_THAT(log[0], ElementsAre("b"));
}

// Their thread has ended: handlers go uncalled, with what they own.
TEST_F(DeliveryInboxTest, AClosedOneDropsWhatWaitsAndWhatComes) {
  const auto owned = std::make_shared<int>(0);
  const auto homed = [&] {
    std::vector<chat::Answer> out;
    out.push_back({chat::ReplyHandler(0, [owned](const chat::Reply&) { ++*owned; }), {}});
    return out;
  };
  commit({}, homed());
  EXPECT_EQ(owned.use_count(), 2);
  inboxes[0].close();
  EXPECT_EQ(owned.use_count(), 1);
  commit({}, homed());
  inboxes[0].post([owned] { ++*owned; });
  EXPECT_EQ(owned.use_count(), 1);
  inboxes[0].drain();
  EXPECT_EQ(*owned, 0);
}

// How far the node is, is not how far this thread is: what it has drained and not handed over yet
// must not count as handed over.
TEST_F(DeliveryInboxTest, CatchesUpOnlyWhenNothingIsUnderWay) {
  listen(0, kChat);
  const auto left_at = [&] {
    inboxes[0].catch_up();
    RecoverableSocket left;
    inboxes[0].rooms().leave_behind(listeners[0], left);
    return left.left_at;
  };
  std::vector<wire::Position> seen;
  listeners[0].on_deliver = [&](const wire::WireEvent&) { seen.push_back(left_at()); };
  wire::Position after_last = 0;
  commit({record_event(kChat, 1)}, {});
  const wire::Position first = interest.posted();
  std::vector<chat::Answer> last;
  last.push_back({chat::ReplyHandler(0, [&](const chat::Reply&) { after_last = left_at(); }), {}});
  commit({record_event(kChat, 2)}, std::move(last));
  inboxes[0].drain();
  EXPECT_THAT(seen, ElementsAre(0u, first));
  EXPECT_EQ(after_last, first + 1);
  commit({record_event(chat_id(1'000'000), 1)}, {});  // nobody here hears it
  EXPECT_EQ(left_at(), first + 2);
}

// A lane and two I/O threads for real: whoever is told an outcome has heard its event. Run it under
// TSan.
TEST_F(DeliveryInboxTest, NoAnswerOvertakesItsEvent) {
  constexpr std::uint64_t kBatches = 5'000;
  std::array<std::uint64_t, 2> heard{};
  std::array<std::uint64_t, 2> answered{};
  for (unsigned k = 0; k < 2; ++k) {
    listen(k, kChat);
    listeners[k].on_deliver = [&heard, k](const wire::WireEvent& event) {
      ASSERT_EQ(event.sequence.value, heard[k] + 1);
      heard[k] = event.sequence.value;
    };
  }
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < 2; ++k) {
    threads.emplace_back([&, k] {
      while (answered[k] < kBatches) {
        inboxes[k].drain();
        std::this_thread::yield();
      }
    });
  }
  for (std::uint64_t n = 1; n <= kBatches; ++n) {
    std::vector<chat::Answer> homed;
    for (unsigned k = 0; k < 2; ++k) {
      homed.push_back({chat::ReplyHandler(k,
                                          [&heard, &answered, k, n](const chat::Reply&) {
                                            EXPECT_EQ(heard[k], n);
                                            answered[k] = n;
                                          }),
                       chat::Done{}});
    }
    commit({record_event(kChat, n)}, std::move(homed));
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(heard, answered);
}

}  // namespace
}  // namespace maru::fanout
