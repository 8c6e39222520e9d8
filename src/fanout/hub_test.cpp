#include "fanout/hub.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "fanout/position.hpp"
#include "fanout/soft_state.hpp"
#include "fanout/testing/fakes.hpp"

namespace maru::fanout {
namespace {

using testing::chat_id;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::session_id;
using testing::user_id;
using namespace std::chrono_literals;

chat::Event record_event(ChatId chat, std::uint64_t sequence) {
  auto record = std::make_shared<chat::Record>();
  record->chat = chat;
  record->sequence = {sequence};
  record->actor_name = "ann";
  record->body = chat::Text{"hi", {}};
  return chat::RecordCommitted{std::move(record)};
}

class NoCommands final : public chat::CommandLog {
 public:
  bool submit(chat::Command&& command) override {
    if (!accepts) {
      ++refused;
      return false;
    }
    std::lock_guard lock(mutex);
    const auto& touch = std::get<chat::TouchActivity>(command.body);
    touched.insert(touched.end(), touch.users.begin(), touch.users.end());
    largest = std::max(largest, touch.users.size());
    return true;
  }
  std::atomic<bool> accepts{true};
  std::atomic<int> refused{0};
  std::mutex mutex;
  std::vector<std::pair<UserId, WallTime>> touched;
  std::size_t largest = 0;
};

class HubTest : public ::testing::Test {
 protected:
  std::vector<DeliveryBatch> drained(Mailbox<DeliveryBatch>& box) {
    std::vector<DeliveryBatch> out;
    box.drain(out);
    return out;
  }

  Mailbox<DeliveryBatch> first{kDeliveryMailboxMax}, second{kDeliveryMailboxMax};
  InterestTable interest{2};
  ManualClock hub_clock;
};

TEST_F(HubTest, OneBatchForEachThreadThatMayCare) {
  Hub hub({{&first}, {&second}}, interest, nullptr, hub_clock);
  interest.add(1, chat_id(1));
  const std::vector<chat::Event> events = {record_event(chat_id(1), 1),
                                           record_event(chat_id(1), 2)};
  hub.on_events(events);
  hub.on_events({});
  EXPECT_THAT(drained(first), IsEmpty());
  const auto batches = drained(second);
  ASSERT_EQ(batches.size(), 1u);
  ASSERT_EQ(batches[0]->size(), 2u);
  EXPECT_EQ((*batches[0])[1].position, (*batches[0])[0].position + 1);

  const chat::Event removed = chat::ChatRemoved{{user_id(1)}, chat_id(7), {1}};
  hub.on_events(std::span(&removed, 1));
  const auto to_first = drained(first);
  ASSERT_EQ(to_first.size(), 1u);
  EXPECT_EQ(to_first, drained(second));  // the very same bytes
  // A recovered socket must know whether it got this one.
  EXPECT_EQ(to_first[0]->front().position, batches[0]->back().position + 1);
  const chat::Event revoked = chat::SessionRevoked{user_id(1), session_id(1)};
  hub.on_events(std::span(&revoked, 1));
  EXPECT_EQ(drained(first).at(0)->front().position, 0u);
  EXPECT_EQ(interest.posted(), to_first[0]->front().position);
}

TEST_F(HubTest, OffsetsOnlyWhenSomeoneUsesRecovery) {
  Hub hub({{&first}}, interest, nullptr, hub_clock);
  interest.add(0, chat_id(1));
  const chat::Event event = record_event(chat_id(1), 1);
  hub.on_events(std::span(&event, 1));
  interest.add_recovery_user();
  hub.on_events(std::span(&event, 1));
  const auto batches = drained(first);
  EXPECT_TRUE(batches.at(0)->front().with_offset.empty());
  EXPECT_FALSE(batches.at(1)->front().with_offset.empty());
}

TEST_F(HubTest, PublishNeverWaits) {
  Mailbox<DeliveryBatch> small(1);
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
  hub.on_events(std::span(&event, 1));
  EXPECT_EQ(drained(second).size(), 1u);
}

TEST_F(HubTest, PositionsBeginWithTheClockThatItWasGiven) {
  Hub hub({{&first}, {&second}}, interest, nullptr, hub_clock);
  interest.add(0, chat_id(1));
  const chat::Event event = record_event(chat_id(1), 1);
  hub.on_events(std::span(&event, 1));
  EXPECT_EQ(drained(first).at(0)->front().position, 1 + first_position(hub_clock.wall()));
}

TEST_F(HubTest, PositionsFollowTheSoftState) {
  ManualClock clock;
  SoftState soft(SoftStateOptions{}, clock);
  Hub hub({{&first}}, interest, &soft, clock);
  interest.add(0, chat_id(1));
  const wire::Position before = soft.position();
  EXPECT_GT(before, 0u);
  const std::vector<chat::Event> events = {record_event(chat_id(1), 1),
                                           record_event(chat_id(1), 2)};
  hub.on_events(events);
  EXPECT_EQ(soft.position(), before + 2);
  EXPECT_EQ(drained(first).at(0)->front().position, before + 1);
}

// With nobody to recover, the soft-state thread is left alone.
TEST_F(HubTest, TellsTheSoftStateOnlyWhatMayBeAskedFor) {
  SystemClock clock;
  SoftState soft(SoftStateOptions{}, clock);
  NoCommands commands;
  Hub hub({{&first}}, interest, &soft, clock);
  soft.start([](std::vector<wire::WireEvent>&&) { return true; }, commands);
  std::uint64_t sequence = 0;
  const auto commit = [&] {
    const chat::Event event = record_event(chat_id(1), ++sequence);
    hub.on_events(std::span(&event, 1));
  };
  const auto ask = [&](wire::Position offset) {
    std::promise<std::optional<std::size_t>> missed;
    soft.ask_recovery("p", offset, [&](std::optional<Recovery> recovery) {
      missed.set_value(recovery ? std::optional(recovery->missed.size()) : std::nullopt);
    });
    return missed.get_future().get();
  };
  commit();  // nobody hears of it
  EXPECT_FALSE(soft.keeps_sockets());

  interest.add_recovery_user();
  const wire::Position hello = soft.position();
  soft.socket_opened("p", {}, hello);
  RecoverableSocket socket;
  socket.pid = "p";
  socket.chats = {chat_id(1)};
  soft.socket_left(socket, {});
  EXPECT_TRUE(soft.keeps_sockets());
  interest.remove_recovery_user();
  EXPECT_EQ(ask(hello), 0u);
  commit();  // kept for the one that left
  EXPECT_EQ(ask(hello), 1u);

  // It comes back and ends: nobody is left.
  interest.add_recovery_user();
  soft.socket_opened("p", {}, soft.position());
  soft.socket_ended("p", {});
  interest.remove_recovery_user();
  (void)ask(hello);
  for (int i = 0; i < 2'000 && soft.keeps_sockets(); ++i) std::this_thread::sleep_for(1ms);
  EXPECT_FALSE(soft.keeps_sockets());
  soft.stop();
}

// A whole node in small: a writer that makes things durable and then tells the hub; I/O threads
// whose listeners attach, read the head and are released, over and over. Run it under TSan.
TEST_F(HubTest, NoThreadSeesAGap) {
  constexpr std::uint64_t kChats = 3;
  constexpr std::uint64_t kEvents = 20'000;
  Hub hub({{&first}, {&second}}, interest, nullptr, hub_clock);
  std::array<std::atomic<std::uint64_t>, kChats> heads{};
  std::atomic<bool> written{false};

  const auto io_thread = [&](unsigned thread, Mailbox<DeliveryBatch>& box) {
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
    std::vector<DeliveryBatch> batches;
    const auto drain = [&](std::chrono::milliseconds wait) {
      box.wait_drain(batches, wait);
      for (const DeliveryBatch& batch : batches) index.deliver(*batch);
      return !batches.empty();
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
    hub.on_events(events);
    events.clear();
  }
  written = true;
  one.join();
  two.join();
}

class SoftStateTest : public ::testing::Test {
 protected:
  void start() {
    soft.start(
        [this](std::vector<wire::WireEvent>&& events) {
          std::lock_guard lock(mutex);
          if (refusals > 0) {
            --refusals;
            return false;
          }
          for (const auto& event : events) pushed.emplace_back(event.plain.payload());
          return true;
        },
        commands);
  }
  template <class Done>
  bool eventually(Done done) {
    for (int i = 0; i < 2'000; ++i) {
      if (done()) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
  std::size_t push_count() {
    std::lock_guard lock(mutex);
    return pushed.size();
  }

  SystemClock clock;
  SoftState soft{SoftStateOptions{.offline_grace_ms = 20,
                                  .push_interval_ms = 10,
                                  .named_online_ms = 20,
                                  .last_seen_flush_ms = 10},
                 clock};
  NoCommands commands;
  std::mutex mutex;
  std::vector<std::string> pushed;
  int refusals = 0;
};

TEST_F(SoftStateTest, PushesPresenceAndWritesLastSeen) {
  refusals = 1;
  start();
  soft.connection_opened(user_id(1));
  EXPECT_TRUE(eventually([&] { return push_count() == 1; }));  // though refused once
  soft.connection_closed(user_id(1));
  EXPECT_TRUE(eventually([&] { return push_count() == 2; }));
  EXPECT_NE(pushed[0].find("\"active\":true"), std::string::npos);
  EXPECT_NE(pushed[1].find("\"active\":false"), std::string::npos);
  EXPECT_TRUE(eventually([&] {
    std::lock_guard lock(commands.mutex);
    return !commands.touched.empty() && commands.touched.back().first == user_id(1);
  }));
  soft.stop();
}

TEST_F(SoftStateTest, LastSeenIsFlushedAtAStopInSmallCommands) {
  start();
  commands.accepts = false;
  for (std::uint64_t n = 1; n <= 250; ++n) soft.connection_opened(user_id(n));
  EXPECT_TRUE(eventually([&] { return push_count() == 250; }));
  EXPECT_TRUE(eventually([&] { return commands.refused >= 2; }));  // and put back
  commands.accepts = true;
  soft.stop();
  std::set<UserId> users;
  for (const auto& [user, at] : commands.touched) users.insert(user);
  EXPECT_EQ(users.size(), 250u);
  EXPECT_LE(commands.largest, 100u);
}

TEST_F(SoftStateTest, AnswersAsks) {
  start();
  soft.connection_opened(user_id(1));
  std::promise<std::vector<PresenceInfo>> online;
  soft.ask_online({user_id(1), user_id(2)}, [&](auto answer) { online.set_value(answer); });
  const auto infos = online.get_future().get();
  ASSERT_EQ(infos.size(), 2u);
  EXPECT_TRUE(infos[0].online);
  EXPECT_FALSE(infos[1].online);

  std::promise<std::vector<UserId>> users;
  soft.ask_online_users(10, [&](auto answer) { users.set_value(answer); });
  EXPECT_THAT(users.get_future().get(), ElementsAre(user_id(1)));

  RecoverableSocket socket;
  socket.pid = "p";
  socket.session = session_id(5);
  socket.chats = {chat_id(1)};
  socket.left_at = soft.position();
  soft.socket_left(socket, {});
  std::promise<bool> known;
  soft.ask_pid("p", [&](auto answer) { known.set_value(answer.left.has_value()); });
  EXPECT_TRUE(known.get_future().get());
  const wire::Position position = soft.position();
  const auto event = testing::text_event(chat_id(1), 1, position + 1);
  soft.delivered(std::span(&event, 1));
  std::promise<std::size_t> missed;
  soft.ask_recovery("p", position,
                    [&](auto answer) { missed.set_value(answer ? answer->missed.size() : 99); });
  EXPECT_EQ(missed.get_future().get(), 1u);

  // A revocation that passes by forgets the session's sockets.
  soft.socket_left(socket, {});
  auto revoked = testing::routed_event(wire::WireEvent::Route::kSession, user_id(1));
  revoked.session = session_id(5);
  soft.delivered(std::span(&revoked, 1));
  std::promise<bool> after;
  soft.ask_pid("p", [&](auto answer) { after.set_value(answer.left.has_value()); });
  EXPECT_FALSE(after.get_future().get());
  soft.stop();
}

TEST_F(SoftStateTest, AsksAfterTheStopGetNothingAtOnce) {
  start();
  soft.stop();
  bool answered = false;
  soft.ask_recovery("p", 1, [&](auto answer) { answered = !answer; });
  EXPECT_TRUE(answered);
  soft.connection_opened(user_id(1));
  soft.stop();
}

TEST_F(SoftStateTest, PositionsGoOnAcrossAGracefulRestart) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("maru_soft_" + std::to_string(std::random_device()()));
  start();
  const auto event = testing::text_event(chat_id(1), 1, soft.position() + 1);
  soft.delivered(std::span(&event, 1));
  RecoverableSocket socket;
  socket.pid = "p";
  soft.socket_left(socket, {});
  soft.stop();
  ASSERT_TRUE(soft.save_to(path, "epoch"));

  SoftState next(SoftStateOptions{}, clock);
  ASSERT_TRUE(next.load_from(path, "epoch"));
  EXPECT_EQ(next.position(), soft.position());
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace maru::fanout
