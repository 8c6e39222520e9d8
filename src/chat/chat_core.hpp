// What a chat *is*: decides one command on the working state. No I/O of its own, no clock, no
// random numbers: the same state, command and stamp always give the same decision.
//
// A command is decided as a whole: it reads all it needs first, so that a refusal (a failed read is
// one, kUnavailable) has changed nothing.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "chat/asked_leaves.hpp"
#include "chat/command.hpp"
#include "chat/event.hpp"
#include "chat/ports/change.hpp"
#include "chat/quotas.hpp"
#include "chat/working_state.hpp"

namespace maru::chat {

// From outside: when it is and where new ids come from.
struct Stamp {
  WallTime now;       // of the wall clock: for people
  WallTime lifetime;  // of SettledClock: what sessions and keys are as old as
  IdSource& ids;
  Room room = Room::kPlenty;
};

// What a batch of decisions comes to, in order.
struct Effects {
  std::vector<Change> changes;  // already applied to the working state
  std::vector<Event> events;
  // About what the changes add to the store, by whose they are.
  std::array<std::uint64_t, kAccountTypes> bytes{};
  bool ends_users = false;
};

// Owner: the sequencer's thread. Decisions are on the open batch's state: neither replies nor
// events may leave before the changes are durable.
class ChatCore {
 public:
  explicit ChatCore(WorkingState& state, Quotas quotas = {}) : state_(state), quotas_(quotas) {}

  // Adds to `effects`; nothing when the reply is an error.
  [[nodiscard]] Reply decide(const CommandBody& command, const Stamp& stamp, Effects& effects);

 private:
  WorkingState& state_;
  AskedLeaves asked_leaves_;
  const Quotas quotas_;
};

}  // namespace maru::chat
