#include "fanout/soft_state.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "base/mailbox.hpp"
#include "base/memory.hpp"
#include "fanout/position.hpp"
#include "fanout/presence/presence_board.hpp"
#include "fanout/recovery/recovery_file.hpp"
#include "fanout/recovery/recovery_table.hpp"

namespace maru::fanout {
namespace {

constexpr std::size_t kMailboxMax = 64 * 1024;
constexpr std::size_t kPushesPerBatch = 256;
constexpr std::size_t kUsersPerCommand = 100;  // architecture.md, Cluster, trap 4
constexpr std::size_t kCommandsPerFlush = 64;
constexpr std::int64_t kSleepMaxMs = 1'000;

struct Delivered {
  wire::Position position;
  ChatId chat;
  Sequence sequence;
  std::vector<UserId> users;  // of an account event
  bool is_account;
};

}  // namespace

struct SoftState::Implementation {
  Implementation(const SoftStateOptions& soft_state_options, const Clock& system_clock)
      : options(soft_state_options),
        clock(system_clock),
        board(soft_state_options, system_clock),
        recovery(soft_state_options, system_clock, first_position(system_clock.wall()) - 1,
                 counters),
        mailbox(kMailboxMax),
        position(recovery.last_position()) {}

  void run();
  void push_presence();
  // Brings `kept` in line with the table.
  void count_kept() {
    const std::size_t size = recovery.size();
    if (size >= counted) {
      kept.fetch_add(size - counted);
    } else {
      kept.fetch_sub(counted - size);
    }
    counted = size;
  }
  void flush_last_seen(std::size_t commands_max);
  [[nodiscard]] std::chrono::milliseconds time_to_sleep() const;

  // What must not be lost waits while the mailbox is full. This thread never waits for others, so
  // it does not stay full. False after stop().
  bool post(Task&& task) { return mailbox.post_wait(std::move(task)) == PostResult::kPosted; }
  // Answers at once, here and with nothing, after stop().
  template <class Answer, class Find>
  void ask(Answer answer, Find find) {
    Task task = [this, answer = std::move(answer), find = std::move(find)]() mutable {
      answer(std::this_thread::get_id() == owner ? find(*this) : decltype(find(*this)){});
    };
    // What is not posted is left as it was.
    if (!post(std::move(task))) task();  // NOLINT(bugprone-use-after-move)
  }

  const SoftStateOptions options;
  const Clock& clock;
  Counters counters;
  PresenceBoard board;
  RecoveryTable recovery;
  // The sockets that may be recovered: those in the table, `counted` of them, and those on their
  // way into it.
  std::atomic<std::size_t> kept{0};
  std::size_t counted = 0;
  Mailbox<Task> mailbox;
  std::atomic<wire::Position> position;
  std::atomic<std::thread::id> owner;  // the thread, once it runs
  Publish publish;
  chat::CommandLog* commands = nullptr;
  std::int64_t next_flush_ms = 0;
  std::thread thread;
};

// ---- the thread
// ------------------------------------------------------------------------------

void SoftState::Implementation::run() {
  owner = std::this_thread::get_id();
  // What it holds half of, a recovery would be told half of.
  const memory::Patience patience;
  std::vector<Task> tasks;
  while (mailbox.wait_drain(tasks, time_to_sleep())) {
    for (Task& task : tasks) task();
    push_presence();
    recovery.expire();
    count_kept();
    if (clock.monotonic().ms >= next_flush_ms) {
      flush_last_seen(kCommandsPerFlush);
      next_flush_ms = clock.monotonic().ms + options.last_seen_flush_ms;
    }
  }
  board.touch_online();
  flush_last_seen(PresenceBoard::kUnwrittenMax);
}

std::chrono::milliseconds SoftState::Implementation::time_to_sleep() const {
  const std::int64_t now = clock.monotonic().ms;
  std::int64_t ms = kSleepMaxMs;
  if (const auto due = board.next_due()) ms = std::min(ms, due->ms - now);
  if (board.has_last_seen()) ms = std::min(ms, next_flush_ms - now);
  return std::chrono::milliseconds(std::max<std::int64_t>(ms, 0));
}

void SoftState::Implementation::push_presence() {
  std::vector<PresencePush> pushes;
  board.advance(pushes);
  const wire::EventEncoder encoder;
  for (std::size_t from = 0; from < pushes.size(); from += kPushesPerBatch) {
    const std::size_t to = std::min(pushes.size(), from + kPushesPerBatch);
    std::vector<wire::WireEvent> events;
    events.reserve(to - from);
    for (std::size_t i = from; i < to; ++i) {
      events.push_back(
          encoder.encode_presence(pushes[i].user, pushes[i].online, pushes[i].last_seen_at));
    }
    if (publish(std::move(events))) continue;
    for (std::size_t i = from; i < to; ++i) board.push_failed(pushes[i].user);
  }
}

void SoftState::Implementation::flush_last_seen(std::size_t commands_max) {
  while (commands_max-- > 0 && board.has_last_seen()) {
    chat::TouchActivity touch;
    board.take_last_seen(kUsersPerCommand, touch.users);
    chat::Command command{std::move(touch), [](chat::Reply) {}};
    if (commands->submit(std::move(command))) continue;
    // The log is full and has left the command as it was: tried again with the next flush.
    // NOLINTNEXTLINE(bugprone-use-after-move)
    board.put_back_last_seen(std::get<chat::TouchActivity>(command.body).users);
    return;
  }
}

// ---- from other threads
// ----------------------------------------------------------------------

SoftState::SoftState(const SoftStateOptions& options, const Clock& clock)
    : implementation_(std::make_unique<Implementation>(options, clock)) {}

SoftState::~SoftState() {
  stop();
}

void SoftState::start(Publish publish, chat::CommandLog& commands) {
  Implementation& soft = *implementation_;
  soft.publish = std::move(publish);
  soft.commands = &commands;
  soft.next_flush_ms = soft.clock.monotonic().ms + soft.options.last_seen_flush_ms;
  soft.thread = std::thread([&soft] { soft.run(); });
}

void SoftState::flush() {
  if (!implementation_->thread.joinable()) return;  // never started
  std::promise<void> done;
  const bool posted = implementation_->post([this, &done] {
    implementation_->board.touch_online();
    implementation_->flush_last_seen(PresenceBoard::kUnwrittenMax);
    done.set_value();
  });
  if (posted) done.get_future().wait();
}

void SoftState::stop() {
  implementation_->mailbox.close();
  if (implementation_->thread.joinable()) implementation_->thread.join();
}

bool SoftState::save_to(const std::filesystem::path& path, std::string_view store_epoch) const {
  return save_recovery(implementation_->recovery, path, store_epoch);
}

bool SoftState::load_from(const std::filesystem::path& path, std::string_view store_epoch) {
  const bool loaded = load_recovery(implementation_->recovery, path, store_epoch);
  implementation_->position = implementation_->recovery.last_position();
  implementation_->count_kept();
  return loaded;
}

wire::Position SoftState::position() const {
  return implementation_->position.load();
}

bool SoftState::keeps_sockets() const {
  return implementation_->kept.load() != 0;
}

Counters& SoftState::counters() const {
  return implementation_->counters;
}

void SoftState::connection_opened(UserId user) {
  if (user.is_zero()) return;
  (void)implementation_->post([this, user] { implementation_->board.opened(user); });
}

void SoftState::connection_closed(UserId user) {
  if (user.is_zero()) return;
  (void)implementation_->post([this, user] { implementation_->board.closed(user); });
}

void SoftState::user_named(UserId user) {
  if (user.is_zero()) return;
  // One for every request: the next one makes up for a lost one.
  (void)implementation_->mailbox.try_post([this, user] { implementation_->board.named(user); });
}

void SoftState::user_logged_out(UserId user) {
  if (user.is_zero()) return;
  (void)implementation_->post([this, user] { implementation_->board.logged_out(user); });
}

void SoftState::ask_online(std::vector<UserId> users,
                           std::move_only_function<void(std::vector<PresenceInfo>)> answer) {
  implementation_->ask(std::move(answer), [users = std::move(users)](Implementation& soft) {
    std::vector<PresenceInfo> out;
    out.reserve(users.size());
    for (const UserId& user : users) out.push_back({user, soft.board.is_online(user)});
    return out;
  });
}

void SoftState::ask_online_users(std::size_t limit,
                                 std::move_only_function<void(std::vector<UserId>)> answer) {
  implementation_->ask(std::move(answer),
                       [limit](Implementation& soft) { return soft.board.online_users(limit); });
}

// Sequentially consistent, see Hub::tell_soft_state.
void SoftState::pass(wire::Position position) {
  implementation_->position.store(position);
}

void SoftState::delivered(std::span<const wire::WireEvent> events) {
  std::vector<Delivered> delivered;
  std::vector<SessionId> revoked;
  for (const wire::WireEvent& event : events) {
    if (event.position != 0) {
      const bool is_account = event.route == wire::WireEvent::Route::kUsers;
      delivered.push_back({event.position, event.chat, event.sequence,
                           is_account ? event.users : std::vector<UserId>(), is_account});
    }
    if (event.route == wire::WireEvent::Route::kSession) revoked.push_back(event.session);
  }
  if (!delivered.empty()) pass(delivered.back().position);
  if (delivered.empty() && revoked.empty()) return;
  (void)implementation_->post(
      [this, delivered = std::move(delivered), revoked = std::move(revoked)] {
        RecoveryTable& recovery = implementation_->recovery;
        for (const Delivered& one : delivered) {
          if (one.is_account) {
            recovery.delivered_to_users(one.position, one.users);
          } else {
            recovery.delivered(one.position, one.chat, one.sequence);
          }
        }
        for (const SessionId& session : revoked) recovery.session_revoked(session);
      });
}

void SoftState::socket_opened(std::string pid, SocketOwner owner, wire::Position position) {
  (void)implementation_->post([this, pid = std::move(pid), owner, position] {
    implementation_->recovery.socket_opened(pid, owner, position);
  });
}

void SoftState::socket_left(RecoverableSocket socket, SocketOwner owner) {
  // Counted at once: what is committed from now on must reach the table.
  implementation_->kept.fetch_add(1);
  const bool posted = implementation_->post([this, socket = std::move(socket), owner]() mutable {
    implementation_->recovery.socket_left(std::move(socket), owner);
    implementation_->count_kept();
    implementation_->kept.fetch_sub(1);
  });
  if (!posted) implementation_->kept.fetch_sub(1);
}

void SoftState::socket_ended(std::string pid, SocketOwner owner) {
  (void)implementation_->post(
      [this, pid = std::move(pid), owner] { implementation_->recovery.socket_ended(pid, owner); });
}

void SoftState::ask_recovery(std::string pid, wire::Position offset,
                             std::move_only_function<void(std::optional<Recovery>)> answer) {
  implementation_->ask(std::move(answer), [pid = std::move(pid), offset](Implementation& soft) {
    return soft.recovery.recover(pid, offset);
  });
}

void SoftState::ask_pid(std::string pid, std::move_only_function<void(PidState)> answer) {
  implementation_->ask(std::move(answer), [pid = std::move(pid)](Implementation& soft) {
    return PidState{soft.recovery.find(pid), soft.recovery.find_live(pid)};
  });
}

}  // namespace maru::fanout
