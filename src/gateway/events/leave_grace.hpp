// The 2 s in which a leaveRoom may still be taken back (product.md 1): by the end of the socket
// that asked, or by a joinRoom of that user to that chat on any socket. It is announced first,
// while the store is asked whether it may be, so that a joinRoom finds it from the moment it came.
// Pure: no timer, no I/O. One per I/O thread, owner only.
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

namespace maru::gateway {

struct PendingLeave {
  UserId user;
  ChatId chat;
  Caller caller;
};

class LeaveGrace {
 public:
  // Past it a leave is committed without grace.
  static constexpr std::size_t kPendingMax = 65'536;

  using Ticket = std::uint64_t;
  // Not due before it is taken and added. 0: full, nothing was announced.
  [[nodiscard]] Ticket announce(PendingLeave leave);
  // Ends the announcement. Nothing: it was taken back.
  [[nodiscard]] std::optional<PendingLeave> take(Ticket ticket);

  // Each due time must be no earlier than the one before. False: full, nothing was added.
  [[nodiscard]] bool add(PendingLeave leave, MonotonicTime due);
  // Takes back every leave of that user from that chat, announced ones too.
  [[nodiscard]] std::vector<PendingLeave> cancel(UserId user, ChatId chat);
  // Takes back every leave that this socket asked for.
  void cancel_session(SessionKey session);
  // Those that are due, oldest first.
  [[nodiscard]] std::vector<PendingLeave> take_due(MonotonicTime now);

  [[nodiscard]] std::size_t size() const { return live_; }

 private:
  struct Entry {
    PendingLeave leave;
    MonotonicTime due;
    bool cancelled = false;
  };
  static std::size_t key_of(const UserId& user, const ChatId& chat);
  void drop(Entry& entry);
  void count(const PendingLeave& leave);
  void uncount(const PendingLeave& leave);

  std::unordered_map<Ticket, PendingLeave> announced_;
  Ticket last_ticket_ = 0;
  std::deque<Entry> entries_;
  // How many live entries have that key: most joins find none and look no further.
  std::unordered_map<std::size_t, std::uint32_t> counts_;
  std::size_t live_ = 0;
};

}  // namespace maru::gateway
