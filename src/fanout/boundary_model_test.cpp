// The exact boundary of joining a stream, checked over random interleavings: commits, delivery,
// attaching, snapshots, releases, leaves and returns, each at any time (architecture.md, "Life of a
// message").
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <set>

#include "fanout/interest_table.hpp"
#include "fanout/room_index.hpp"
#include "fanout/testing/fakes.hpp"

namespace maru::fanout {
namespace {

using testing::chat_id;
using testing::leave_event;
using testing::session_id;
using testing::text_event;
using testing::user_id;

constexpr std::size_t kChats = 3;
constexpr std::size_t kUsers = 4;
constexpr std::size_t kDevices = 2;  // of each user

// Checks its own stream of one chat: from S + 1 without a gap or a repetition until it has left.
class CheckingListener final : public Listener {
 public:
  explicit CheckingListener(std::size_t owner) : user(owner) {}

  struct Stream {
    enum class State { kAway, kPending, kAnswered } state = State::kAway;
    std::uint64_t last = 0;
    std::optional<std::pair<std::uint64_t, bool>> snapshot;  // head, is member
  };

  void deliver(const wire::WireEvent& event) override {
    Stream& stream = streams[event.chat];
    ASSERT_EQ(stream.state, Stream::State::kAnswered) << "heard while not attached";
    ASSERT_EQ(event.sequence.value, stream.last + 1);
    stream.last = event.sequence.value;
    left_now = event.detaches_subject && event.users.front() == user_id(user + 1);
  }
  void on_session_revoked(const wire::WireEvent&) override { FAIL(); }
  void on_detached(ChatId chat) override {
    ASSERT_TRUE(left_now) << "detached without a leave";
    left_now = false;
    streams[chat].state = Stream::State::kAway;
    streams[chat].snapshot.reset();
  }
  void on_held_overflow(ChatId chat) override { streams[chat] = {}; }
  void on_event_lost() override { FAIL(); }

  std::size_t user;
  bool left_now = false;
  std::map<ChatId, Stream> streams;
};

class Model {
 public:
  explicit Model(std::uint32_t seed) : random_(seed) {
    for (std::size_t user = 0; user < kUsers; ++user) {
      for (std::size_t device = 0; device < kDevices; ++device) {
        devices_.push_back(std::make_unique<CheckingListener>(user));
        index_.add(*devices_.back(), user_id(user + 1), session_id(devices_.size()));
      }
      for (Chat& chat : chats_) chat.members.insert(user);
    }
  }
  ~Model() {
    for (auto& device : devices_) index_.remove(*device);
  }

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFatalFailure(); ++i) step();
    while (!undelivered_.empty()) deliver_some();
    for (std::size_t d = 0; d < devices_.size(); ++d) {
      for (std::size_t c = 0; c < kChats; ++c) finish(d, c);
    }
    while (!undelivered_.empty()) deliver_some();
    for (const auto& device : devices_) {
      for (std::size_t c = 0; c < kChats; ++c) {
        const auto& stream = device->streams[chat_id(c)];
        if (stream.state == CheckingListener::Stream::State::kAnswered) {
          EXPECT_EQ(stream.last, chats_[c].head);
        }
      }
    }
  }

 private:
  struct Chat {
    std::uint64_t head = 0;
    std::set<std::size_t> members;
  };
  using State = CheckingListener::Stream::State;

  std::size_t pick(std::size_t n) { return random_() % n; }

  void step() {
    const std::size_t c = pick(kChats);
    const std::size_t d = pick(devices_.size());
    CheckingListener& device = *devices_[d];
    auto& stream = device.streams[chat_id(c)];
    switch (pick(12)) {
      case 0:
      case 1:
      case 2:
        commit(text_event(chat_id(c), ++chats_[c].head, ++position_));
        break;
      case 3:  // leaves, as its user, on every device
        if (chats_[c].members.erase(device.user) > 0) {
          commit(leave_event(chat_id(c), ++chats_[c].head, user_id(device.user + 1), ++position_));
        }
        break;
      case 4:  // comes back
        if (chats_[c].members.insert(device.user).second) {
          commit(text_event(chat_id(c), ++chats_[c].head, ++position_));
        }
        break;
      case 5:
      case 6:
        if (stream.state == State::kAway) {
          index_.attach_pending(chat_id(c), device);
          stream.state = State::kPending;
        }
        break;
      case 7:
      case 8:
        if (stream.state == State::kPending && !stream.snapshot) read_snapshot(device, c);
        break;
      case 9:
        if (stream.state == State::kPending && stream.snapshot) release(device, c);
        break;
      default:
        deliver_some();
    }
  }

  void commit(wire::WireEvent event) { undelivered_.push_back(std::move(event)); }

  void deliver_some() {
    std::vector<wire::WireEvent> batch;
    for (std::size_t n = 1 + pick(4); n > 0 && !undelivered_.empty(); --n) {
      batch.push_back(std::move(undelivered_.front()));
      undelivered_.pop_front();
    }
    index_.deliver(batch);
  }

  void read_snapshot(CheckingListener& device, std::size_t c) {
    device.streams[chat_id(c)].snapshot = {chats_[c].head, chats_[c].members.contains(device.user)};
  }

  void release(CheckingListener& device, std::size_t c) {
    auto& stream = device.streams[chat_id(c)];
    const auto [head, is_member] = *stream.snapshot;
    stream.snapshot.reset();
    if (!is_member) {
      index_.detach(chat_id(c), device);
      stream.state = State::kAway;
      return;
    }
    stream.state = State::kAnswered;
    stream.last = head;
    ASSERT_TRUE(index_.release(chat_id(c), device, {head}));
  }

  void finish(std::size_t d, std::size_t c) {
    auto& stream = devices_[d]->streams[chat_id(c)];
    if (stream.state != State::kPending) return;
    if (!stream.snapshot) read_snapshot(*devices_[d], c);
    release(*devices_[d], c);
  }

  std::mt19937 random_;
  InterestTable interest_{1};
  RoomIndex index_{0, interest_};
  std::vector<std::unique_ptr<CheckingListener>> devices_;
  std::array<Chat, kChats> chats_;
  std::deque<wire::WireEvent> undelivered_;  // durable, on their way to the index
  wire::Position position_ = 0;
};

TEST(BoundaryModel, EveryListenerHearsExactlyWhatFollowsItsSnapshot) {
  for (std::uint32_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(seed);
    Model model(seed);
    model.run(300);
    if (::testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace maru::fanout
