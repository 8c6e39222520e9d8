#include "gateway/events/leave_grace.hpp"

#include <functional>
#include <utility>

namespace maru::gateway {

std::size_t LeaveGrace::key_of(const UserId& user, const ChatId& chat) {
  return std::hash<UserId>()(user) * 31 + std::hash<ChatId>()(chat);
}

void LeaveGrace::count(const PendingLeave& leave) {
  ++counts_[key_of(leave.user, leave.chat)];
  ++live_;
}

void LeaveGrace::uncount(const PendingLeave& leave) {
  --live_;
  const auto count = counts_.find(key_of(leave.user, leave.chat));
  if (--count->second == 0) counts_.erase(count);
}

LeaveGrace::Ticket LeaveGrace::announce(PendingLeave leave) {
  if (announced_.size() >= kPendingMax) return 0;
  count(leave);
  announced_.emplace(++last_ticket_, leave);
  return last_ticket_;
}

std::optional<PendingLeave> LeaveGrace::take(Ticket ticket) {
  const auto found = announced_.find(ticket);
  if (found == announced_.end()) return std::nullopt;
  std::optional<PendingLeave> leave(found->second);
  announced_.erase(found);
  uncount(*leave);
  return leave;
}

bool LeaveGrace::add(PendingLeave leave, MonotonicTime due) {
  if (entries_.size() >= kPendingMax) return false;
  count(leave);
  entries_.push_back({leave, due});
  return true;
}

void LeaveGrace::drop(Entry& entry) {
  entry.cancelled = true;
  uncount(entry.leave);
}

std::vector<PendingLeave> LeaveGrace::cancel(UserId user, ChatId chat) {
  std::vector<PendingLeave> cancelled;
  if (!counts_.contains(key_of(user, chat))) return cancelled;
  const auto is_meant = [&](const PendingLeave& leave) {
    return leave.user == user && leave.chat == chat;
  };
  for (auto at = announced_.begin(); at != announced_.end();) {
    if (!is_meant(at->second)) {
      ++at;
      continue;
    }
    uncount(at->second);
    cancelled.push_back(at->second);
    at = announced_.erase(at);
  }
  for (Entry& entry : entries_) {
    if (entry.cancelled || !is_meant(entry.leave)) continue;
    drop(entry);
    cancelled.push_back(entry.leave);
  }
  return cancelled;
}

void LeaveGrace::cancel_session(SessionKey session) {
  if (live_ == 0) return;
  std::erase_if(announced_, [&](const auto& one) {
    const bool is_its = one.second.caller.session == session;
    if (is_its) uncount(one.second);
    return is_its;
  });
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
