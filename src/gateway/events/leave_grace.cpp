#include "gateway/events/leave_grace.hpp"

#include <functional>
#include <utility>

namespace maru::gateway {

std::size_t LeaveGrace::key_of(const UserId& user, const ChatId& chat) {
  return std::hash<UserId>()(user) * 31 + std::hash<ChatId>()(chat);
}

bool LeaveGrace::add(PendingLeave leave, MonotonicTime due) {
  if (entries_.size() >= kPendingMax) return false;
  ++counts_[key_of(leave.user, leave.chat)];
  ++live_;
  entries_.push_back({std::move(leave), due});
  return true;
}

void LeaveGrace::drop(Entry& entry) {
  entry.cancelled = true;
  --live_;
  const auto count = counts_.find(key_of(entry.leave.user, entry.leave.chat));
  if (--count->second == 0) counts_.erase(count);
}

std::vector<PendingLeave> LeaveGrace::cancel(UserId user, ChatId chat) {
  std::vector<PendingLeave> cancelled;
  if (!counts_.contains(key_of(user, chat))) return cancelled;
  for (Entry& entry : entries_) {
    if (entry.cancelled || entry.leave.user != user || entry.leave.chat != chat) continue;
    drop(entry);
    cancelled.push_back(entry.leave);
  }
  return cancelled;
}

void LeaveGrace::cancel_session(SessionKey session) {
  if (live_ == 0) return;
  for (Entry& entry : entries_) {
    if (!entry.cancelled && entry.leave.caller.session == session) drop(entry);
  }
}

std::vector<PendingLeave> LeaveGrace::take_due(MonotonicTime now) {
  std::vector<PendingLeave> due;
  while (!entries_.empty() && (entries_.front().cancelled || entries_.front().due <= now)) {
    Entry& entry = entries_.front();
    if (!entry.cancelled) {
      drop(entry);
      due.push_back(entry.leave);
    }
    entries_.pop_front();
  }
  return due;
}

}  // namespace maru::gateway
