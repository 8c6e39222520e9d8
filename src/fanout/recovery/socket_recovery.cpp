#include "fanout/recovery/socket_recovery.hpp"

#include <atomic>
#include <chrono>
#include <utility>

#include "fanout/position.hpp"
#include "fanout/recovery/recovery_file.hpp"
#include "fanout/recovery/recovery_table.hpp"
#include "fanout/task_thread.hpp"

namespace maru::fanout {
namespace {

// How late an expired socket may be forgotten.
constexpr std::chrono::milliseconds kSleepMax{1'000};

struct Delivered {
  wire::Position position;
  ChatId chat;
  Sequence sequence;
  std::vector<UserId> users;  // of an account event
  bool is_account;
};

}  // namespace

struct SocketRecovery::Implementation {
  Implementation(const RecoveryOptions& options, const Clock& clock)
      : table(options, clock, first_position(clock.wall()) - 1, counters),
        position(table.last_position()) {}

  // Brings `kept` in line with the table.
  void count_kept() {
    const std::size_t size = table.size();
    if (size >= counted) {
      kept.fetch_add(size - counted);
    } else {
      kept.fetch_sub(counted - size);
    }
    counted = size;
  }

  Counters counters;
  RecoveryTable table;
  // The sockets that may be recovered: those in the table, `counted` of them, and those on their
  // way into it.
  std::atomic<std::size_t> kept{0};
  std::size_t counted = 0;
  std::atomic<wire::Position> position;
  TaskThread thread;  // last: it uses everything above
};

SocketRecovery::SocketRecovery(const RecoveryOptions& options, const Clock& clock)
    : implementation_(std::make_unique<Implementation>(options, clock)) {}

SocketRecovery::~SocketRecovery() {
  stop();
}

void SocketRecovery::start() {
  Implementation& it = *implementation_;
  it.thread.start(
      "recovery",
      [&it] {
        it.table.expire();
        it.count_kept();
      },
      [] { return kSleepMax; }, [] {});
}

void SocketRecovery::stop() {
  implementation_->thread.stop();
}

bool SocketRecovery::save_to(const std::filesystem::path& path,
                             std::string_view store_epoch) const {
  return save_recovery(implementation_->table, path, store_epoch);
}

bool SocketRecovery::load_from(const std::filesystem::path& path, std::string_view store_epoch) {
  const bool loaded = load_recovery(implementation_->table, path, store_epoch);
  implementation_->position = implementation_->table.last_position();
  implementation_->count_kept();
  return loaded;
}

wire::Position SocketRecovery::position() const {
  return implementation_->position.load();
}

bool SocketRecovery::keeps_sockets() const {
  return implementation_->kept.load() != 0;
}

Counters& SocketRecovery::counters() const {
  return implementation_->counters;
}

// Sequentially consistent, see Hub::tell_recovery.
void SocketRecovery::pass(wire::Position position) {
  implementation_->position.store(position);
}

void SocketRecovery::delivered(std::span<const wire::WireEvent> events) {
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
  Implementation& it = *implementation_;
  (void)it.thread.post([&it, delivered = std::move(delivered), revoked = std::move(revoked)] {
    for (const Delivered& one : delivered) {
      if (one.is_account) {
        it.table.delivered_to_users(one.position, one.users);
      } else {
        it.table.delivered(one.position, one.chat, one.sequence);
      }
    }
    for (const SessionId& session : revoked) it.table.session_revoked(session);
  });
}

void SocketRecovery::socket_opened(std::string pid, SocketOwner owner, wire::Position position) {
  Implementation& it = *implementation_;
  (void)it.thread.post([&it, pid = std::move(pid), owner, position] {
    it.table.socket_opened(pid, owner, position);
  });
}

void SocketRecovery::socket_left(RecoverableSocket socket, SocketOwner owner) {
  Implementation& it = *implementation_;
  // Counted at once: what is committed from now on must reach the table.
  it.kept.fetch_add(1);
  const bool posted = it.thread.post([&it, socket = std::move(socket), owner]() mutable {
    it.table.socket_left(std::move(socket), owner);
    it.count_kept();
    it.kept.fetch_sub(1);
  });
  if (!posted) it.kept.fetch_sub(1);
}

void SocketRecovery::socket_ended(std::string pid, SocketOwner owner) {
  Implementation& it = *implementation_;
  (void)it.thread.post([&it, pid = std::move(pid), owner] { it.table.socket_ended(pid, owner); });
}

void SocketRecovery::ask_recovery(std::string pid, wire::Position offset,
                                  std::move_only_function<void(std::optional<Recovery>)> answer) {
  Implementation& it = *implementation_;
  it.thread.ask(std::move(answer),
                [&it, pid = std::move(pid), offset] { return it.table.recover(pid, offset); });
}

void SocketRecovery::ask_pid(std::string pid, std::move_only_function<void(PidState)> answer) {
  Implementation& it = *implementation_;
  it.thread.ask(std::move(answer), [&it, pid = std::move(pid)] {
    return PidState{it.table.find(pid), it.table.find_live(pid)};
  });
}

}  // namespace maru::fanout
