// Where the positions of a server run begin (architecture.md, "Recovery").
#pragma once

#include <cstdint>

#include "base/clock.hpp"
#include "wire/wire_event.hpp"

namespace maru::fanout {

// An offset that a client keeps from an earlier run must never look like one of this run. A run
// numbers from the millisecond of its start times 2^20, which is past everything an earlier run can
// have reached (that would take a million events a millisecond), unless the clock was set back; and
// then the offset is still of no use, because the pid that comes with it is not known to this run.
// A run that takes over a saved recovery table goes on from the table's last position instead.
// 2^63 is reached in the year 2248.
inline wire::Position first_position(WallTime start) {
  return static_cast<std::uint64_t>(start.ms < 1 ? 1 : start.ms) << 20;
}

}  // namespace maru::fanout
