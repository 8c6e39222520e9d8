#include "gateway/events/leave_grace.hpp"

#include <utility>

namespace maru::gateway {

bool LeaveGrace::add(PendingLeave&& leave, MonotonicTime due) {
  if (is_full()) return false;
  const SessionKey session = leave.caller.session;
  entries_.push_back({std::move(leave), due});
  try {
    of_session_[session].push_back(first_ + entries_.size() - 1);
  } catch (...) {  // no memory
    entries_.pop_back();
    throw;
  }
  ++live_;
  return true;
}

void LeaveGrace::cancel_session(SessionKey session) {
  const auto found = of_session_.find(session);
  if (found == of_session_.end()) return;
  for (const std::uint64_t number : found->second) {
    entries_[static_cast<std::size_t>(number - first_)].leave.reset();
    --live_;
  }
  of_session_.erase(found);
}

std::vector<PendingLeave> LeaveGrace::take_due(MonotonicTime now) {
  std::vector<PendingLeave> due;
  while (!entries_.empty() && (!entries_.front().leave || entries_.front().due <= now)) {
    if (std::optional<PendingLeave>& leave = entries_.front().leave) {
      const auto found = of_session_.find(leave->caller.session);
      found->second.erase(found->second.begin());
      if (found->second.empty()) of_session_.erase(found);
      due.push_back(std::move(*leave));
      --live_;
    }
    entries_.pop_front();
    ++first_;
  }
  return due;
}

}  // namespace maru::gateway
