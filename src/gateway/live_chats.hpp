// Looking at chats whose events pass here (cluster.md 0.9): whoever attaches to a chat's stream
// asks the bus first, and believes no snapshot that is older than what the bus says.
//
//   attach_pending() → when_live() → a snapshot → Floors::judge() → the answer, release()
//
// flow.hpp has it as read_live(). On one node the bus answers at once and any snapshot will do.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/id.hpp"
#include "chat/ports/event_bus.hpp"
#include "chat/ports/snapshot.hpp"

namespace maru::gateway {

// How new a snapshot must be, and for how long a newer one is waited for. One for each look.
class Floors {
 public:
  static constexpr int kReadsAgainMax = 5;
  static constexpr std::int64_t kPauseMs = 100;  // before each of them

  enum class Verdict : std::uint8_t {
    kFresh,
    kReadAgain,  // after kPauseMs, in a new snapshot
    kStale,      // it has been read often enough: kUnavailable
  };

  // Nothing is asked of any snapshot.
  Floors() = default;
  explicit Floors(chat::EventBus::Floors floors) : floors_(std::move(floors)) {}

  // `heads` as one snapshot has them, in the order of the chats that were asked for; of a chat that
  // it does not know: 0.
  [[nodiscard]] Verdict judge(std::span<const Sequence> heads);
  // The same of a snapshot; a reader's thread. Errors: the snapshot's.
  [[nodiscard]] Result<Verdict> judge(chat::Snapshot& snapshot, std::span<const ChatId> chats);

 private:
  chat::EventBus::Floors floors_;
  int reads_again_ = 0;
};

// What a look that ended in kStale is answered with.
[[nodiscard]] Error stale_snapshot();

}  // namespace maru::gateway
