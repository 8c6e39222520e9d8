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

namespace maru::gateway {

class ClientSession;
class RealtimeCore;

struct Watched {
  UserId user;
  std::optional<WallTime> last_seen_at;
};

// Reader thread. Only those who share a chat with the asker (accounts); who is unknown is left out.
[[nodiscard]] Result<std::vector<Watched>> read_watched(chat::Snapshot& snapshot, AuthMode mode,
                                                        UserId asker, std::vector<UserId> users);

// Owner I/O thread. The session hears of them from now on, and is told how they are: in the
// caller's ack, or without one by a `presence` event each. `memberships_ended` is RoomIndex's as it
// was before they were read: whoever left a chat since may share none any more.
void watch(RealtimeCore& core, ClientSession& session, const EventCaller& caller,
           std::vector<Watched> watched, std::uint64_t memberships_ended);

}  // namespace maru::gateway
