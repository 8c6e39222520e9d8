#include "fanout/presence/presence.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "fanout/presence/presence_board.hpp"
#include "fanout/task_thread.hpp"

namespace maru::fanout {
namespace {

constexpr std::size_t kPushesPerBatch = 256;
constexpr std::size_t kUsersPerCommand = 100;  // what one change of a store may hold
constexpr std::size_t kCommandsPerFlush = 64;
constexpr std::int64_t kSleepMaxMs = 1'000;

}  // namespace

struct Presence::Implementation {
  Implementation(const PresenceOptions& presence_options, const Clock& system_clock,
                 chat::PresenceRegistry& presence_registry)
      : options(presence_options),
        clock(system_clock),
        registry(presence_registry),
        board(presence_options, system_clock) {}

  void turn();
  void tell_nodes();
  void push();
  void flush_last_seen(std::size_t commands_max);
  [[nodiscard]] std::chrono::milliseconds time_to_sleep() const;

  const PresenceOptions options;
  const Clock& clock;
  chat::PresenceRegistry& registry;
  PresenceBoard board;
  Publish publish;
  chat::CommandLog* commands = nullptr;
  std::int64_t next_flush_ms = 0;
  TaskThread thread;  // last: it uses everything above
};

// ---- the thread
// ------------------------------------------------------------------------------

void Presence::Implementation::turn() {
  push();
  tell_nodes();
  if (clock.monotonic().ms < next_flush_ms) return;
  flush_last_seen(kCommandsPerFlush);
  next_flush_ms = clock.monotonic().ms + options.last_seen_flush_ms;
}

std::chrono::milliseconds Presence::Implementation::time_to_sleep() const {
  const std::int64_t now = clock.monotonic().ms;
  std::int64_t ms = kSleepMaxMs;
  if (const auto due = board.next_due()) ms = std::min(ms, due->ms - now);
  if (board.has_last_seen()) ms = std::min(ms, next_flush_ms - now);
  return std::chrono::milliseconds(std::max<std::int64_t>(ms, 0));
}

void Presence::Implementation::tell_nodes() {
  std::vector<chat::PresenceRegistry::Change> changes;
  board.take_local_changes(changes);
  if (!changes.empty()) registry.announce(changes);
}

void Presence::Implementation::push() {
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

void Presence::Implementation::flush_last_seen(std::size_t commands_max) {
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

Presence::Presence(const PresenceOptions& options, const Clock& clock,
                   chat::PresenceRegistry& registry)
    : implementation_(std::make_unique<Implementation>(options, clock, registry)) {}

Presence::~Presence() {
  stop();
}

void Presence::start(Publish publish, chat::CommandLog& commands) {
  Implementation& it = *implementation_;
  it.publish = std::move(publish);
  it.commands = &commands;
  it.next_flush_ms = it.clock.monotonic().ms + it.options.last_seen_flush_ms;
  it.thread.start(
      "presence", [&it] { it.turn(); }, [&it] { return it.time_to_sleep(); },
      [&it] {
        it.board.touch_online();
        it.flush_last_seen(PresenceBoard::kUnwrittenMax);
      });
  it.registry.start(
      [&it](NodeId node, std::vector<chat::PresenceRegistry::Change> changes, bool is_all) {
        (void)it.thread.post([&it, node, changes = std::move(changes), is_all] {
          it.board.heard(node, changes, is_all);
        });
      });
}

void Presence::flush() {
  Implementation& it = *implementation_;
  if (!it.thread.has_started()) return;
  std::promise<void> done;
  const bool posted = it.thread.post([&it, &done] {
    it.board.touch_online();
    it.flush_last_seen(PresenceBoard::kUnwrittenMax);
    done.set_value();
  });
  if (posted) done.get_future().wait();
}

void Presence::stop() {
  implementation_->registry.stop();
  implementation_->thread.stop();
}

void Presence::connection_opened(UserId user) {
  if (user.is_zero()) return;
  Implementation& it = *implementation_;
  (void)it.thread.post([&it, user] { it.board.opened(user); });
}

void Presence::connection_closed(UserId user) {
  if (user.is_zero()) return;
  Implementation& it = *implementation_;
  (void)it.thread.post([&it, user] { it.board.closed(user); });
}

void Presence::user_named(UserId user) {
  if (user.is_zero()) return;
  Implementation& it = *implementation_;
  // One for every request: the next one makes up for a lost one.
  it.thread.try_post([&it, user] { it.board.named(user); });
}

void Presence::user_logged_out(UserId user) {
  if (user.is_zero()) return;
  Implementation& it = *implementation_;
  (void)it.thread.post([&it, user] { it.board.logged_out(user); });
  it.registry.logged_out(user);
}

void Presence::ask_online(std::vector<UserId> users,
                          std::move_only_function<void(std::vector<PresenceInfo>)> answer) {
  Implementation& it = *implementation_;
  it.thread.ask(std::move(answer), [&it, users = std::move(users)] {
    std::vector<PresenceInfo> out;
    out.reserve(users.size());
    for (const UserId& user : users) out.push_back({user, it.board.is_online(user)});
    return out;
  });
}

void Presence::ask_online_users(std::size_t limit,
                                std::move_only_function<void(std::vector<UserId>)> answer) {
  Implementation& it = *implementation_;
  it.thread.ask(std::move(answer), [&it, limit] { return it.board.online_users(limit); });
}

}  // namespace maru::fanout
