#include "fanout/soft_state.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/mailbox.hpp"
#include "fanout/position.hpp"
#include "fanout/presence_board.hpp"
#include "fanout/recovery_file.hpp"
#include "fanout/recovery_table.hpp"

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
};

}  // namespace

struct SoftState::Implementation {
  Implementation(const SoftStateOptions& soft_state_options, const Clock& system_clock)
      : options(soft_state_options),
        clock(system_clock),
        board(soft_state_options, system_clock),
        recovery(soft_state_options, system_clock, first_position(system_clock.wall()) - 1),
        mailbox(kMailboxMax),
        position(recovery.last_position()) {}

  void run();
  void push_presence();
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
    if (!post(std::move(task))) task();
  }

  const SoftStateOptions options;
  const Clock& clock;
  PresenceBoard board;
  RecoveryTable recovery;
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
  std::vector<Task> tasks;
  while (mailbox.wait_drain(tasks, time_to_sleep())) {
    for (Task& task : tasks) task();
    push_presence();
    recovery.expire();
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
    // The log is full: tried again with the next flush.
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
  return loaded;
}

wire::Position SoftState::position() const {
  return implementation_->position.load(std::memory_order_acquire);
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

void SoftState::delivered(std::span<const wire::WireEvent> events) {
  std::vector<Delivered> records;
  std::vector<SessionId> revoked;
  for (const wire::WireEvent& event : events) {
    if (event.position != 0) records.push_back({event.position, event.chat, event.sequence});
    if (event.route == wire::WireEvent::Route::kSession) revoked.push_back(event.session);
  }
  if (!records.empty()) {
    implementation_->position.store(records.back().position, std::memory_order_release);
  }
  if (records.empty() && revoked.empty()) return;
  (void)implementation_->post([this, records = std::move(records), revoked = std::move(revoked)] {
    for (const Delivered& record : records) {
      implementation_->recovery.delivered(record.position, record.chat, record.sequence);
    }
    for (const SessionId& session : revoked) implementation_->recovery.session_revoked(session);
  });
}

void SoftState::socket_left(RecoverableSocket socket) {
  (void)implementation_->post([this, socket = std::move(socket)]() mutable {
    implementation_->recovery.socket_left(std::move(socket));
  });
}

void SoftState::session_revoked(SessionId session) {
  (void)implementation_->post(
      [this, session] { implementation_->recovery.session_revoked(session); });
}

void SoftState::ask_recovery(std::string pid, wire::Position offset,
                             std::move_only_function<void(std::optional<Recovery>)> answer) {
  implementation_->ask(std::move(answer), [pid = std::move(pid), offset](Implementation& soft) {
    return soft.recovery.take(pid, offset);
  });
}

void SoftState::ask_recoverable_chats(
    std::string pid, std::move_only_function<void(std::optional<RecoverableSocket>)> answer) {
  implementation_->ask(std::move(answer), [pid = std::move(pid)](Implementation& soft) {
    return soft.recovery.find(pid);
  });
}

}  // namespace maru::fanout
