// Looks again at the login sessions of connected sockets (quality.md 1, row 4): each at least once
// a minute, some hundreds in one snapshot query. A revocation normally arrives as an event; this
// catches what slipped past it: a session that ended between its authentication and the first
// event, and one whose user is gone. It also keeps the sessions in use from expiring. Owner I/O
// thread only.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "chat/ports/snapshot.hpp"
#include "gateway/events/session_table.hpp"

namespace maru::gateway {

class RealtimeCore;
class ClientSession;

struct CheckedSocket {
  SessionKey key;
  UserId user;
  SessionId session;
};

// What one look finds. Sessions whose user has several sockets stand next to each other in a batch.
struct CheckedSessions {
  std::vector<SessionKey> ended;                     // sockets of sessions that are no more
  std::vector<std::pair<SessionId, WallTime>> used;  // with the last use that is stored
};
// A session with a socket is in use, however long ago its last noted use: it is to be noted, and
// only a revocation ends it. `now` of a clock of lifetimes (SettledClock). Errors: the snapshot's.
// Reader thread.
Result<CheckedSessions> look_at_sessions(chat::Snapshot& snapshot,
                                         const std::vector<CheckedSocket>& batch, WallTime now);

// What it remembers between its rounds.
struct SessionCheckState {
  std::vector<SessionKey> soon;
  std::size_t next_slot = 0;
  bool is_running = false;
};

// Within a second: between its authentication and its registration a revocation may have passed.
void check_soon(RealtimeCore& core, const ClientSession& session);

}  // namespace maru::gateway
