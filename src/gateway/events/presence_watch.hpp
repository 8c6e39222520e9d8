// Watching the presence of users: which of them a user may watch, and the watch itself with its
// snapshot. Shared by watchPresence and recovery.
#pragma once

#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "chat/ports/snapshot.hpp"
#include "gateway/events/session_table.hpp"
#include "gateway/options.hpp"
#include "gateway/tasks/task.hpp"

namespace maru::gateway {

class RealtimeCore;

struct Watched {
  UserId user;
  bool online = false;
  std::optional<WallTime> last_seen_at;
};

// Reader thread. Only those who share a chat with the asker (accounts); who is unknown is left out.
// Whether they are online is not looked at.
[[nodiscard]] Result<std::vector<Watched>> read_watched(chat::Snapshot& snapshot, AuthMode mode,
                                                        UserId asker, std::vector<UserId> users);

// A task of that session, on its I/O thread: it hears of them from now on. How they are now.
// `memberships_ended` is RoomIndex's as it was before they were read: whoever left a chat since may
// share none any more.
Task<std::vector<Watched>> watch(RealtimeCore& core, SessionKey session,
                                 std::vector<Watched> watched, std::uint64_t memberships_ended);
// The same, told by a `presence` event each.
Task<void> watch_and_tell(RealtimeCore& core, SessionKey session, std::vector<Watched> watched,
                          std::uint64_t memberships_ended);

}  // namespace maru::gateway
