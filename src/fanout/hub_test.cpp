#include "fanout/hub.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "fanout/position.hpp"
#include "fanout/recovery/socket_recovery.hpp"
#include "fanout/testing/fakes.hpp"

namespace maru::fanout {
namespace {

using testing::chat_id;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::record_event;
using testing::session_id;
using testing::user_id;
using namespace std::chrono_literals;

class HubTest : public ::testing::Test {
 protected:
  std::vector<DeliveryBatch> drained(Mailbox<Delivery>& box) {
    std::vector<Delivery> deliveries;
    box.drain(deliveries);
    std::vector<DeliveryBatch> out;
    for (Delivery& one : deliveries) out.push_back(std::move(one.events));
    return out;
  }

  Mailbox<Delivery> first{kDeliveryMailboxMax}, second{kDeliveryMailboxMax};
  InterestTable interest{2};
  ManualClock hub_clock;
};

TEST_F(HubTest, OneBatchForEachThreadThatMayCare) {
  Hub hub({{&first}, {&second}}, interest, nullptr, hub_clock);
  interest.add(1, chat_id(1));
  const std::vector<chat::Event> events = {record_event(chat_id(1), 1),
                                           record_event(chat_id(1), 2)};
  hub.on_batch(events, {});
  hub.on_batch({}, {});
  EXPECT_THAT(drained(first), IsEmpty());
  const auto batches = drained(second);
  ASSERT_EQ(batches.size(), 1u);
  ASSERT_EQ(batches[0]->size(), 2u);
  EXPECT_EQ((*batches[0])[1].position, (*batches[0])[0].position + 1);

  const chat::Event removed = chat::ChatRemoved{{user_id(1)}, chat_id(7), {1}};
  hub.on_batch(std::span(&removed, 1), {});
  const auto to_first = drained(first);
  ASSERT_EQ(to_first.size(), 1u);
  EXPECT_EQ(to_first, drained(second));  // the very same bytes
  // A recovered socket must know whether it got this one.
  EXPECT_EQ(to_first[0]->front().position, batches[0]->back().position + 1);
  const chat::Event revoked = chat::SessionRevoked{user_id(1), session_id(1)};
  hub.on_batch(std::span(&revoked, 1), {});
  EXPECT_EQ(drained(first).at(0)->front().position, 0u);
  EXPECT_EQ(interest.posted(), to_first[0]->front().position);
}

TEST_F(HubTest, OffsetsOnlyWhenSomeoneUsesRecovery) {
  Hub hub({{&first}}, interest, nullptr, hub_clock);
  interest.add(0, chat_id(1));
  const chat::Event event = record_event(chat_id(1), 1);
  hub.on_batch(std::span(&event, 1), {});
  interest.add_recovery_user();
  hub.on_batch(std::span(&event, 1), {});
  const auto batches = drained(first);
  EXPECT_TRUE(batches.at(0)->front().with_offset.empty());
  EXPECT_FALSE(batches.at(1)->front().with_offset.empty());
}

TEST_F(HubTest, PublishNeverWaits) {
  Mailbox<Delivery> small(1);
  Hub hub({{&small}, {&second}}, interest, nullptr, hub_clock);
  const auto publish = [&] {
    return hub.publish({testing::routed_event(wire::WireEvent::Route::kWatchers, user_id(1))});
  };
  EXPECT_TRUE(publish());
  EXPECT_FALSE(publish());
  EXPECT_EQ(drained(second).size(), 2u);
  EXPECT_EQ(drained(small).size(), 1u);
  EXPECT_TRUE(hub.publish({}));
}

TEST_F(HubTest, GoesOnWhenAThreadHasStopped) {
  Hub hub({{&first}, {&second}}, interest, nullptr, hub_clock);
  first.close();
  interest.add(0, chat_id(1));
  interest.add(1, chat_id(1));
  const chat::Event event = record_event(chat_id(1), 1);
  hub.on_batch(std::span(&event, 1), {});
  EXPECT_EQ(drained(second).size(), 1u);
}

TEST_F(HubTest, PositionsBeginWithTheClockThatItWasGiven) {
  Hub hub({{&first}, {&second}}, interest, nullptr, hub_clock);
  interest.add(0, chat_id(1));
  const chat::Event event = record_event(chat_id(1), 1);
  hub.on_batch(std::span(&event, 1), {});
  EXPECT_EQ(drained(first).at(0)->front().position, 1 + first_position(hub_clock.wall()));
}

TEST_F(HubTest, PositionsFollowRecovery) {
  ManualClock clock;
  SocketRecovery recovery({}, clock);
  Hub hub({{&first}}, interest, &recovery, clock);
  interest.add(0, chat_id(1));
  const wire::Position before = recovery.position();
  EXPECT_GT(before, 0u);
  const std::vector<chat::Event> events = {record_event(chat_id(1), 1),
                                           record_event(chat_id(1), 2)};
  hub.on_batch(events, {});
  EXPECT_EQ(recovery.position(), before + 2);
  EXPECT_EQ(drained(first).at(0)->front().position, before + 1);
}

// With nobody to recover, the recovery thread is left alone.
TEST_F(HubTest, TellsRecoveryOnlyWhatMayBeAskedFor) {
  SystemClock clock;
  SocketRecovery recovery({}, clock);
  Hub hub({{&first}}, interest, &recovery, clock);
  recovery.start();
  std::uint64_t sequence = 0;
  const auto commit = [&] {
    const chat::Event event = record_event(chat_id(1), ++sequence);
    hub.on_batch(std::span(&event, 1), {});
  };
  const auto ask = [&](wire::Position offset) {
    std::promise<std::optional<std::size_t>> missed;
    recovery.ask_recovery("p", offset, [&](std::optional<Recovery> found) {
      missed.set_value(found ? std::optional(found->missed.size()) : std::nullopt);
    });
    return missed.get_future().get();
  };
  commit();  // nobody hears of it
  EXPECT_FALSE(recovery.keeps_sockets());

  interest.add_recovery_user();
  const wire::Position hello = recovery.position();
  recovery.socket_opened("p", {}, hello);
  RecoverableSocket socket;
  socket.pid = "p";
  socket.chats = {chat_id(1)};
  recovery.socket_left(socket, {});
  EXPECT_TRUE(recovery.keeps_sockets());
  interest.remove_recovery_user();
  EXPECT_EQ(ask(hello), 0u);
  commit();  // kept for the one that left
  EXPECT_EQ(ask(hello), 1u);

  // It comes back and ends: nobody is left.
  interest.add_recovery_user();
  recovery.socket_opened("p", {}, recovery.position());
  recovery.socket_ended("p", {});
  interest.remove_recovery_user();
  (void)ask(hello);
  for (int i = 0; i < 2'000 && recovery.keeps_sockets(); ++i) std::this_thread::sleep_for(1ms);
  EXPECT_FALSE(recovery.keeps_sockets());
  recovery.stop();
}

// A whole node in small: a writer that makes things durable and then tells the hub; I/O threads
// whose listeners attach, read the head and are released, over and over. Run it under TSan.
TEST_F(HubTest, NoThreadSeesAGap) {
  constexpr std::uint64_t kChats = 3;
  constexpr std::uint64_t kEvents = 20'000;
  Hub hub({{&first}, {&second}}, interest, nullptr, hub_clock);
  std::array<std::atomic<std::uint64_t>, kChats> heads{};
  std::atomic<bool> written{false};

  const auto io_thread = [&](unsigned thread, Mailbox<Delivery>& box) {
    RoomIndex index(thread, interest);
    std::vector<std::unique_ptr<testing::FakeListener>> listeners;
    std::vector<std::uint64_t> last(8);
    for (std::size_t i = 0; i < last.size(); ++i) {
      auto listener = std::make_unique<testing::FakeListener>();
      listener->on_deliver = [&last, i](const wire::WireEvent& event) {
        ASSERT_EQ(event.sequence.value, last[i] + 1);
        last[i] = event.sequence.value;
      };
      index.add(*listener, user_id(i + 1), session_id(i + 1));
      listeners.push_back(std::move(listener));
    }
    std::uint64_t joins = 0;
    std::vector<Delivery> deliveries;
    const auto drain = [&](std::chrono::milliseconds wait) {
      box.wait_drain(deliveries, wait);
      for (const Delivery& one : deliveries) index.deliver(*one.events);
      return !deliveries.empty();
    };
    while (!written || joins < 50) {
      const std::size_t i = joins++ % last.size();
      const std::uint64_t chat = i % kChats;
      index.detach(chat_id(chat), *listeners[i]);
      index.attach_pending(chat_id(chat), *listeners[i]);
      if (joins % 3 == 0) drain(0ms);
      const std::uint64_t head = heads[chat].load();
      if (joins % 2 == 0) drain(0ms);
      last[i] = head;
      index.release(chat_id(chat), *listeners[i], {head});
      drain(1ms);
    }
    while (drain(50ms)) {
    }
    for (std::size_t i = 0; i < last.size(); ++i) {
      if (index.is_attached(chat_id(i % kChats), *listeners[i])) {
        EXPECT_EQ(last[i], heads[i % kChats].load());
      }
      index.remove(*listeners[i]);
    }
  };
  std::thread one(io_thread, 0u, std::ref(first));
  std::thread two(io_thread, 1u, std::ref(second));
  std::array<std::uint64_t, kChats> next{};
  std::vector<chat::Event> events;
  for (std::uint64_t n = 1; n <= kEvents; ++n) {
    events.push_back(record_event(chat_id(n % kChats), ++next[n % kChats]));
    if (n % 5 < 2 && n != kEvents) continue;
    // Durable first, told after.
    for (std::uint64_t chat = 0; chat < kChats; ++chat) heads[chat] = next[chat];
    hub.on_batch(events, {});
    events.clear();
  }
  written = true;
  one.join();
  two.join();
}

}  // namespace
}  // namespace maru::fanout
