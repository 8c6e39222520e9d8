// Connection state recovery of this node (architecture.md, "Recovery"), on a thread of its own,
// asked and told through its mailbox: a RecoveryTable, what is kept of it across a graceful
// restart, and how far the node is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "fanout/counters.hpp"
#include "fanout/recovery/recoverable_socket.hpp"
#include "wire/wire_event.hpp"

namespace maru::fanout {

struct RecoveryOptions {
  std::int64_t window_ms = 120'000;
  std::size_t pids_max = 100'000;
  std::size_t events_max = 1'000;    // a socket that missed more is not recovered
  std::size_t ring_max = 1'000'000;  // entries, grown as needed
};

// What it missed: for each of its chats the records from < n ≤ to, with their positions.
struct MissedChat {
  ChatId chat;
  std::vector<std::pair<Sequence, wire::Position>> records;  // ascending, dense
};
// How the socket goes on from it: resume.hpp.
struct Recovery {
  RecoverableSocket socket;
  std::vector<MissedChat> missed;  // chats with nothing missed are in socket.chats only
  std::vector<Sequence> heads;  // of each of socket.chats, as far as delivered; 0: nothing lately
};
// What is known of a pid: a socket that left, or one that lives. Neither: unknown or expired.
struct PidState {
  std::optional<RecoverableSocket> left;
  std::optional<SocketOwner> live;
};

class SocketRecovery {
 public:
  SocketRecovery(const RecoveryOptions& options, const Clock& clock);
  ~SocketRecovery();  // stop() first
  void start();
  // Blocks; handles what is queued. Later asks are answered at once, on the caller's thread, with
  // nothing.
  void stop();

  // Recovery across a graceful restart. The file is bound to the store by `store_epoch` and used
  // once: load_from removes it, so that a later crash cannot bring back an old table. Save after
  // stop(), when no event can come any more; load before start() and the first event. A missing,
  // damaged, foreign or expired file is ignored with a warning (missing: silently). Both block on
  // the disk; false: nothing was saved or loaded.
  bool save_to(const std::filesystem::path& path, std::string_view store_epoch) const;
  bool load_from(const std::filesystem::path& path, std::string_view store_epoch);

  // The position of the newest durable event of this node: the offset of `hello`. What is committed
  // after the call gets a greater one. Any thread, wait-free.
  [[nodiscard]] wire::Position position() const;
  // Whether any socket that left may be recovered. Any thread, wait-free.
  [[nodiscard]] bool keeps_sockets() const;
  [[nodiscard]] Counters& counters() const;  // any thread

  // ---- any thread; never block but for a full mailbox ----
  // By the hub, before the I/O threads: how far the node is, and the events themselves, which may
  // be left out while nobody can be recovered.
  void pass(wire::Position position);
  void delivered(std::span<const wire::WireEvent> events);

  // A socket with recovery lives, and its `hello` said `position`; it left and may be recovered; it
  // ended for good. A socket must count as a recovery user (InterestTable) before the position of
  // its `hello` is read, and until socket_left() returned.
  void socket_opened(std::string pid, SocketOwner owner, wire::Position position);
  void socket_left(RecoverableSocket socket, SocketOwner owner);
  void socket_ended(std::string pid, SocketOwner owner);
  // The callbacks run on the recovery thread.
  // What it missed. Nothing: unknown, expired, too much missed; the pid is forgotten then.
  // Otherwise it stays good until socket_opened(). Ask only after attach_pending() of the chats:
  // what is delivered later is held there.
  void ask_recovery(std::string pid, wire::Position offset,
                    std::move_only_function<void(std::optional<Recovery>)> answer);
  // The chats of a pid, so that they can be attached as pending first; or whose it is.
  void ask_pid(std::string pid, std::move_only_function<void(PidState)> answer);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace maru::fanout
