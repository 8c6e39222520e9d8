#include "gateway/identity/session_activity.hpp"

#include <vector>

namespace maru::gateway {

void SessionActivity::session_used(SessionId session, WallTime last_used_at) {
  const WallTime now = clock_.wall();
  if (now.ms - last_used_at.ms < kTouchIntervalMs || noted_lately(session, now)) return;
  static_cast<void>(pending_.try_post({session, now}));
  flush_when_due();
}

void SessionActivity::flush_when_due() {
  std::int64_t last = last_flush_ms_.load(std::memory_order_relaxed);
  const std::int64_t monotonic = clock_.monotonic().ms;
  if (last != 0 && monotonic - last < kFlushIntervalMs) return;
  if (last_flush_ms_.compare_exchange_strong(last, monotonic)) flush();
}

void SessionActivity::flush() {
  std::vector<std::pair<SessionId, WallTime>> sessions;
  pending_.drain(sessions);
  if (sessions.empty()) return;
  chat::Command command{chat::TouchActivity{std::move(sessions), {}}, [](chat::Reply) {}};
  // A full log has better things to do; the next use tries again.
  static_cast<void>(commands_.submit(std::move(command)));
}

bool SessionActivity::noted_lately(SessionId session, WallTime now) {
  constexpr int kTimeBits = 42;  // of Unix milliseconds: until 2109
  constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << kTimeBits) - 1;
  const std::uint64_t hash = std::hash<SessionId>()(session);
  auto& slot = noted_[hash % noted_.size()];
  std::uint64_t word = slot.load(std::memory_order_relaxed);
  const std::uint64_t tag = hash >> kTimeBits;
  const auto noted_at = static_cast<std::int64_t>(word & kTimeMask);
  if (word >> kTimeBits == tag && now.ms - noted_at < kTouchIntervalMs) return true;
  const std::uint64_t mine = tag << kTimeBits | (static_cast<std::uint64_t>(now.ms) & kTimeMask);
  // Whoever loses the race leaves the note to the winner.
  return !slot.compare_exchange_strong(word, mine, std::memory_order_relaxed);
}

}  // namespace maru::gateway
