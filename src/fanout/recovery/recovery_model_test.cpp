// Recovery over random interleavings: a client that is cut at any time, with anything still on its
// way, and comes back on either of two I/O threads, each as far behind as it likes, hears every
// chat without a gap and without a repetition, every event with its offset, and never goes on as if
// nothing had happened when it missed an event of its account.
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <random>

#include "fanout/interest_table.hpp"
#include "fanout/recovery/recovery_table.hpp"
#include "fanout/recovery/resume.hpp"
#include "fanout/room_index.hpp"
#include "fanout/testing/fakes.hpp"

namespace maru::fanout {
namespace {

using testing::FakeListener;
using testing::session_id;
using testing::text_event;
using testing::user_id;

constexpr std::uint64_t kChats = 3;
constexpr wire::Position kBase = 1'000'000;

// The zero id names no chat.
ChatId chat_id(std::uint64_t n) {
  return testing::chat_id(n + 1);
}

class Model {
 public:
  explicit Model(std::uint32_t seed) : random_(seed) { connect_anew(); }
  ~Model() { indexes_[thread_].remove(*socket_); }

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFatalFailure(); ++i) step();
    for (auto& [chat, head] : snapshots_) answer(chat, head);
    snapshots_.clear();
    while (!committed_.empty()) hand_to_hub();
    for (std::size_t thread = 0; thread < 2; ++thread) {
      while (!mailboxes_[thread].empty()) deliver(thread);
    }
    receive(outbox_.size());
    for (std::uint64_t chat = 0; chat < kChats; ++chat) {
      if (indexes_[thread_].is_attached(chat_id(chat), *socket_) && last_.contains(chat)) {
        EXPECT_EQ(last_[chat], heads_[chat]);
      }
    }
    EXPECT_EQ(account_, accounts_committed_);
  }

  int recoveries = 0;

 private:
  struct Frame {
    enum class Kind { kHello, kAnswer, kEvent, kAccount } kind;
    std::uint64_t chat = 0;
    std::uint64_t sequence = 0;
    wire::Position offset = 0;
  };

  std::size_t pick(std::size_t n) { return random_() % n; }

  void step() {
    const std::uint64_t chat = pick(kChats);
    switch (pick(15)) {
      case 0:
      case 1:
      case 2:
        committed_.emplace_back(chat, ++heads_[chat]);
        break;
      case 3:
      case 4:
      case 5:
        if (!committed_.empty()) hand_to_hub();
        break;
      case 6:
      case 7:
      case 8:
        deliver(pick(2));
        break;
      case 9:
      case 10:
        receive(pick(4));
        break;
      case 11:
        if (!indexes_[thread_].is_attached(chat_id(chat), *socket_)) {
          indexes_[thread_].attach_pending(chat_id(chat), *socket_);
          snapshots_[chat] = heads_[chat];
        }
        break;
      case 12:
        if (!snapshots_.empty()) {
          const auto [waiting, head] = *snapshots_.begin();
          snapshots_.erase(waiting);
          answer(waiting, head);
        }
        break;
      case 13:
        if (pick(10) == 0) committed_.emplace_back(kChats, ++accounts_committed_);
        break;
      default:
        if (pick(4) == 0) cut_and_return();
    }
  }

  void hand_to_hub() {
    const auto [chat, sequence] = committed_.front();
    committed_.pop_front();
    const wire::Position position = table_.last_position() + 1;
    wire::WireEvent event = text_event(chat_id(chat), sequence, position);
    if (chat == kChats) {  // one of the user's account
      event.route = wire::WireEvent::Route::kUsers;
      event.users.push_back(user_id(1));
      table_.delivered_to_users(position, event.users);
    } else {
      table_.delivered(position, chat_id(chat), {sequence});
    }
    for (auto& mailbox : mailboxes_) mailbox.push_back(event);
  }

  void deliver(std::size_t thread) {
    if (mailboxes_[thread].empty()) return;
    const wire::WireEvent event = std::move(mailboxes_[thread].front());
    mailboxes_[thread].pop_front();
    indexes_[thread].deliver(std::span(&event, 1));
  }

  void answer(std::uint64_t chat, std::uint64_t head) {
    outbox_.push_back({Frame::Kind::kAnswer, chat, head, 0});
    indexes_[thread_].release(chat_id(chat), *socket_, {head});
  }

  void receive(std::size_t count) {
    for (; count > 0 && !outbox_.empty(); --count) {
      const Frame frame = outbox_.front();
      outbox_.pop_front();
      if (frame.offset != 0) offset_ = frame.offset;
      if (frame.kind == Frame::Kind::kHello) continue;
      if (frame.kind == Frame::Kind::kAccount) {
        ASSERT_LE(frame.sequence, account_ + 1) << "an account event was missed";
        account_ = std::max(account_, frame.sequence);
        continue;
      }
      const auto known = last_.find(frame.chat);
      if (frame.kind == Frame::Kind::kAnswer) {
        ASSERT_TRUE(known == last_.end()) << "an event overtook its answer";
      } else if (known != last_.end()) {
        ASSERT_EQ(frame.sequence, known->second + 1);
      }
      if (frame.kind == Frame::Kind::kEvent) {
        ASSERT_NE(frame.offset, 0u) << "without an offset";
      }
      last_[frame.chat] = frame.sequence;
    }
  }

  void listen_on(std::size_t thread) {
    thread_ = thread;
    socket_ = std::make_unique<FakeListener>();
    socket_->on_deliver = [this](const wire::WireEvent& event) { hear(event); };
    indexes_[thread_].add(*socket_, user_id(1), session_id(1), Order::kByPosition);
  }

  // As ClientSession does it.
  void hear(const wire::WireEvent& event) {
    std::uint64_t chat = 0;
    while (chat_id(chat) != event.chat) ++chat;
    Frame frame{chat == kChats ? Frame::Kind::kAccount : Frame::Kind::kEvent, chat,
                event.sequence.value, 0};
    if (is_connecting_) return early_.push_back(frame);
    if (event.position > last_offset_) {
      frame.offset = last_offset_ = event.position;
    }
    outbox_.push_back(frame);
  }

  void connect_anew() {
    is_connecting_ = false;
    early_.clear();
    last_offset_ = table_.last_position();
    account_ = accounts_committed_;  // a fresh client asks for its chats
    listen_on(pick(2));
    offset_ = 0;
    last_.clear();
    outbox_.push_back({Frame::Kind::kHello, 0, 0, table_.last_position()});
  }

  void cut_and_return() {
    RecoverableSocket left;
    left.pid = "pid";
    left.user = user_id(1);
    left.session = session_id(1);
    indexes_[thread_].leave_behind(*socket_, left);
    indexes_[thread_].remove(*socket_);
    table_.socket_left(left, {});
    outbox_.clear();
    snapshots_.clear();
    early_.clear();
    for (std::size_t n = pick(6); n > 0; --n) {
      if (!committed_.empty()) hand_to_hub();
      deliver(pick(2));
    }
    if (offset_ == 0) {  // it has not even heard hello
      connect_anew();
      return;
    }
    is_connecting_ = true;
    listen_on(pick(2));
    const auto chats = table_.find("pid")->chats;
    for (const ChatId& chat : chats) indexes_[thread_].attach_pending(chat, *socket_);
    for (std::size_t n = pick(6); n > 0; --n) {
      if (!committed_.empty()) hand_to_hub();
      deliver(pick(2));
    }
    const auto recovery = table_.recover("pid", offset_);
    if (!recovery) {
      ASSERT_GT(counters_.refused_account, account_refusals_);
      account_refusals_ = counters_.refused_account;
      indexes_[thread_].remove(*socket_);
      connect_anew();
      return;
    }
    ++recoveries;
    for (std::size_t n = pick(6); n > 0; --n) {
      if (!committed_.empty()) hand_to_hub();
      deliver(pick(2));
    }
    resume(*recovery);
  }

  void resume(const Recovery& recovery) {
    // In the order of positions, as they went live.
    std::map<wire::Position, Frame> missed;
    for (const MissedChat& chat : recovery.missed) {
      std::uint64_t number = 0;
      while (chat_id(number) != chat.chat) ++number;
      for (const auto& [sequence, position] : chat.records) {
        missed[position] = {Frame::Kind::kEvent, number, sequence.value, position};
      }
    }
    for (const auto& [position, frame] : missed) outbox_.push_back(frame);
    RoomIndex& index = indexes_[thread_];
    const ResumePlan plan = plan_resume(recovery, offset_, [](ChatId) { return true; });
    fanout::resume(
        index, *socket_, plan,
        [&](wire::Position position) {
          last_offset_ = position;
          outbox_.push_back({Frame::Kind::kHello, 0, 0, position});
          is_connecting_ = false;
          outbox_.insert(outbox_.end(), early_.begin(), early_.end());
          early_.clear();
        },
        [&](const ResumedChat& chat) {
          index.release(chat.chat, *socket_, chat.upto, chat.floor);
        });
    table_.socket_opened("pid", {}, plan.position);
  }

  std::mt19937 random_;
  ManualClock clock_;
  Counters counters_;
  RecoveryTable table_{RecoveryOptions{}, clock_, kBase, counters_};
  InterestTable interest_{2};
  std::array<RoomIndex, 2> indexes_{RoomIndex(0, interest_), RoomIndex(1, interest_)};
  std::array<std::deque<wire::WireEvent>, 2> mailboxes_;
  std::array<std::uint64_t, kChats> heads_{};
  std::deque<std::pair<std::uint64_t, std::uint64_t>> committed_;

  std::size_t thread_ = 0;
  std::unique_ptr<FakeListener> socket_;
  std::map<std::uint64_t, std::uint64_t> snapshots_;  // read, not yet answered
  std::deque<Frame> outbox_;                          // on its way to the client
  bool is_connecting_ = false;
  std::vector<Frame> early_;  // heard while it was being recovered
  wire::Position last_offset_ = 0;
  std::uint64_t accounts_committed_ = 0;
  std::uint64_t account_refusals_ = 0;

  wire::Position offset_ = 0;  // what the client remembers
  std::uint64_t account_ = 0;
  std::map<std::uint64_t, std::uint64_t> last_;  // the last sequence it has of each chat
};

TEST(RecoveryModel, EveryCutIsWithoutGapOrRepetition) {
  int recoveries = 0;
  for (std::uint32_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(seed);
    Model model(seed);
    model.run(400);
    recoveries += model.recoveries;
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_GT(recoveries, 10'000);
}

}  // namespace
}  // namespace maru::fanout
