// What fan-out and recovery count for /metrics. Written by several threads, read by any; none of it
// is on the path of a message.
#pragma once

#include <atomic>
#include <cstdint>

namespace maru::fanout {

struct Counters {
  using Count = std::atomic<std::uint64_t>;
  Count publishes_full{0};   // presence not handed to a thread, sent again later
  Count held_overflows{0};   // a listener was detached because too much was held for it
  Count recoveries{0};       // sockets that went on where they were
  Count recoveries_live{0};  // … whose earlier connection was still open here
  // Recoveries that ended in a fresh socket, by reason.
  Count refused_unknown{0};  // no such pid (any more), or of another login session
  Count refused_offset{0};   // an offset that is not ours, or that does not say enough
  Count refused_gone{0};     // older than what is remembered, or more than a socket is given
  Count refused_account{0};  // chatAdded or chatRemoved was missed
  Count refused_other{0};    // overtaken meanwhile: too much held, membership, the store's answer
  Count pids_evicted{0};     // forgotten before their time for want of room
};

}  // namespace maru::fanout
