// Who is online (product.md, "Presence"), on a thread of its own, asked and told through its
// mailbox: a PresenceBoard whose changes are pushed to those who watch, told to the other nodes,
// and written as lastSeenAt in batches.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "chat/ports/command_log.hpp"
#include "chat/ports/presence_registry.hpp"
#include "wire/wire_event.hpp"

namespace maru::fanout {

struct PresenceOptions {
  std::int64_t offline_grace_ms = 10'000;
  std::int64_t push_interval_ms = 1'000;  // of one user
  std::int64_t named_online_ms = 60'000;  // open mode: a request that names a user
  std::int64_t last_seen_flush_ms = 5'000;
};

struct PresenceInfo {
  UserId user;
  bool online = false;
};

class Presence {
 public:
  // `publish` sends presence events to all I/O threads and must not block (Hub::publish); false:
  // not all got them, they are sent again later. `commands` takes the batched lastSeenAt.
  using Publish = std::function<bool(std::vector<wire::WireEvent>&&)>;
  // `registry` must outlive it.
  Presence(const PresenceOptions& options, const Clock& clock, chat::PresenceRegistry& registry);
  ~Presence();  // stop() first
  void start(Publish publish, chat::CommandLog& commands);
  // Blocks until lastSeenAt of everyone was handed to the command log: before that ends.
  void flush();
  // Blocks; handles what is queued and flushes lastSeenAt. Later asks are answered at once, on the
  // caller's thread, with nothing.
  void stop();

  // ---- any thread; never block but for a full mailbox. A zero user is nobody. ----
  void connection_opened(UserId user);
  void connection_closed(UserId user);
  void user_named(UserId user);       // open mode: online for a while
  void user_logged_out(UserId user);  // open mode's logout: offline at once
  // The callback runs on the presence thread.
  void ask_online(std::vector<UserId> users,
                  std::move_only_function<void(std::vector<PresenceInfo>)> answer);
  // Some of the online users, at most `limit`.
  void ask_online_users(std::size_t limit,
                        std::move_only_function<void(std::vector<UserId>)> answer);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace maru::fanout
