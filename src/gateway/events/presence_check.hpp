// Ends presence watches between users who share no chat any more (product.md, "Presence"): after a
// membership has ended, each user concerned is looked up against those on the other ends of their
// watches on this thread, one query of bounded size at a time. Owner I/O thread only.
#pragma once

#include <cstddef>
#include <deque>

#include "base/id.hpp"

namespace maru::gateway {

class RealtimeCore;

// Who is to be looked up.
struct PresenceCheckState {
  // Past it all watches of and by a further user end at once: the client watches again.
  static constexpr std::size_t kWaitingMax = 4096;

  std::deque<UserId> waiting;  // each once, and the first once more while it is looked up
  bool is_running = false;
};

// Nothing in open mode, where everyone may watch everyone.
void recheck_presence(RealtimeCore& core, UserId user);

}  // namespace maru::gateway
