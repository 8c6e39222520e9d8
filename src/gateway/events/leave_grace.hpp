// The leaves of one I/O thread that wait for their grace of 2 s (product.md 1). The end of the
// socket that asked takes them back here; a join is decided by the sequencer (chat/asked_leaves).
// Pure: no timer, no I/O. Owner thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "gateway/events/session_table.hpp"
#include "gateway/pending_leaves.hpp"

namespace maru::gateway {

struct PendingLeave {
  UserId user;
  ChatId chat;
  EventCaller caller;
  std::uint64_t ticket = 0;  // of chat::AskLeave
  PendingLeaves::Mark mark;
};

class LeaveGrace {
 public:
  // Past it a leave is committed without grace.
  static constexpr std::size_t kPendingMax = 65'536;

  [[nodiscard]] bool is_full() const { return entries_.size() >= kPendingMax; }
  // Each due time must be no earlier than the one before. False: full, `leave` is untouched.
  [[nodiscard]] bool add(PendingLeave&& leave, MonotonicTime due);
  // Takes back every leave that this socket asked for; costs nothing for those of others.
  void cancel_session(SessionKey session);
  // Those that are due, oldest first.
  [[nodiscard]] std::vector<PendingLeave> take_due(MonotonicTime now);

  [[nodiscard]] std::size_t size() const { return live_; }

 private:
  struct Entry {
    std::optional<PendingLeave> leave;  // nothing: taken back
    MonotonicTime due;
  };

  std::deque<Entry> entries_;
  std::uint64_t first_ = 0;  // counts all entries ever added: the number of entries_[0]
  std::unordered_map<SessionKey, std::vector<std::uint64_t>> of_session_;  // numbers, ascending
  std::size_t live_ = 0;
};

}  // namespace maru::gateway
