// The thread of everything that may be lost: presence and connection state recovery. Both are asked
// and told through its mailbox; answers are posted by the callbacks to whoever asked.
//
// PresenceBoard (product.md, "Presence"): online = at least one authenticated connection, offline
// 10 s after the last one closes, pushed at most once a second per user, lastSeenAt written in
// batches. RecoveryTable (architecture.md, "Recovery"): per pid the login session and attached
// chats, and a bounded ring of (position, chat, sequence) of what this node delivered.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/task.hpp"
#include "chat/ports/command_log.hpp"
#include "fanout/counters.hpp"
#include "fanout/recovery/recoverable_socket.hpp"
#include "wire/wire_event.hpp"

namespace maru::fanout {

struct SoftStateOptions {
  std::int64_t offline_grace_ms = 10'000;
  std::int64_t push_interval_ms = 1'000;
  std::int64_t named_online_ms = 60'000;  // open mode: a request that names a user
  std::int64_t last_seen_flush_ms = 5'000;
  std::int64_t recovery_window_ms = 120'000;
  std::size_t recovery_pids_max = 100'000;
  std::size_t recovery_events_max = 1'000;    // a socket that missed more is not recovered
  std::size_t recovery_ring_max = 1'000'000;  // entries, grown as needed
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

struct PresenceInfo {
  UserId user;
  bool online = false;
};

class SoftState {
 public:
  // `publish` sends presence events to all I/O threads and must not block (Hub::publish); false:
  // not all got them, they are sent again later. `commands` takes the batched lastSeenAt.
  using Publish = std::function<bool(std::vector<wire::WireEvent>&&)>;
  SoftState(const SoftStateOptions& options, const Clock& clock);
  ~SoftState();  // stop() first
  void start(Publish publish, chat::CommandLog& commands);
  // Blocks until lastSeenAt of everyone was handed to the command log: before that ends.
  void flush();
  // Blocks; handles what is queued and flushes lastSeenAt. Later asks are answered at once, on the
  // caller's thread, with nothing.
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

  // ---- any thread; never block but for a full mailbox. A zero user is nobody.
  // --------------------------------------------
  void connection_opened(UserId user);
  void connection_closed(UserId user);
  void user_named(UserId user);       // open mode: online for a while
  void user_logged_out(UserId user);  // open mode's logout: offline at once
  // The callback runs on the soft-state thread.
  void ask_online(std::vector<UserId> users,
                  std::move_only_function<void(std::vector<PresenceInfo>)> answer);
  // Some of the online users, at most `limit`.
  void ask_online_users(std::size_t limit,
                        std::move_only_function<void(std::vector<UserId>)> answer);

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
