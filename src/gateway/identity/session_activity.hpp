// Notes which login sessions were used, by whichever front end, and tells the sequencer in batches
// (TouchActivity): at most once a minute and session, at most once in 5 s, bounded. Soft: what does
// not fit is noted by a later request. Any thread; never blocks. The clock is that of lifetimes
// (SettledClock).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <utility>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/mailbox.hpp"
#include "chat/ports/command_log.hpp"

namespace maru::gateway {

class SessionActivity {
 public:
  static constexpr std::int64_t kTouchIntervalMs = 60'000;
  static constexpr std::int64_t kFlushIntervalMs = 5'000;
  static constexpr std::size_t kPendingMax = 1'024;

  SessionActivity(chat::CommandLog& commands, const Clock& clock)
      : commands_(commands), clock_(clock) {}

  // `last_used_at` is what the store knows.
  void session_used(SessionId session, WallTime last_used_at);
  // What is noted is told no later than the next call of this after 5 s.
  void flush_when_due();
  void flush();

 private:
  bool noted_lately(SessionId session, WallTime now);

  chat::CommandLog& commands_;
  const Clock& clock_;
  Mailbox<std::pair<SessionId, WallTime>> pending_{kPendingMax};
  std::atomic<std::int64_t> last_flush_ms_{0};
  // A word for each of some sessions: 22 bits of the id, 42 of the time when it was noted. Two
  // sessions in one place only cost a command more.
  std::array<std::atomic<std::uint64_t>, 4'096> noted_{};
};

}  // namespace maru::gateway
