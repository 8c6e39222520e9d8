#include "fanout/presence/presence_board.hpp"

#include <algorithm>

namespace maru::fanout {

void PresenceBoard::opened(const UserId& id) {
  User& user = users_[id];
  ++user.connections;
  user.seen_at = clock_.wall();
  set_online(id, user, true);
}

void PresenceBoard::closed(const UserId& id) {
  const auto at = users_.find(id);
  if (at == users_.end() || at->second.connections == 0) return;
  User& user = at->second;
  user.seen_at = clock_.wall();
  if (--user.connections > 0) return;
  if (user.online) {
    keep_until(id, user, options_.offline_grace_ms);
  } else {
    arm(id, user, std::max(clock_.monotonic(), user.next_push_at));  // to be forgotten
  }
}

void PresenceBoard::named(const UserId& id) {
  auto at = users_.find(id);
  if (at == users_.end()) {
    if (users_.size() >= kUsersMax) return;
    at = users_.try_emplace(id).first;
  }
  User& user = at->second;
  user.seen_at = clock_.wall();
  set_online(id, user, true);
  keep_until(id, user, options_.named_online_ms);
}

void PresenceBoard::logged_out(const UserId& id) {
  const auto at = users_.find(id);
  if (at == users_.end()) return;
  at->second.seen_at = clock_.wall();
  at->second.online_until = clock_.monotonic();
  set_online(id, at->second, false);
}

void PresenceBoard::keep_until(const UserId& id, User& user, std::int64_t for_ms) {
  const MonotonicTime until{clock_.monotonic().ms + for_ms};
  user.online_until = std::max(user.online_until, until);
  if (user.connections == 0) arm(id, user, user.online_until);
}

void PresenceBoard::set_online(const UserId& id, User& user, bool online) {
  if (user.online == online) return;
  user.online = online;
  record_seen(id, user);
  arm(id, user, std::max(clock_.monotonic(), user.next_push_at));
}

void PresenceBoard::record_seen(const UserId& id, const User& user) {
  const auto at = unwritten_.find(id);
  if (at != unwritten_.end()) {
    at->second = user.seen_at;
  } else if (unwritten_.size() < kUnwrittenMax) {
    unwritten_.emplace(id, user.seen_at);
  }
}

void PresenceBoard::arm(const UserId& id, User& user, MonotonicTime at) {
  if (user.timer && *user.timer <= at) return;  // settle() arms again
  user.timer = at;
  timers_.emplace(at, id);
}

bool PresenceBoard::is_online(const UserId& id) const {
  const auto at = users_.find(id);
  return at != users_.end() && at->second.online;
}

std::vector<UserId> PresenceBoard::online_users(std::size_t limit) const {
  std::vector<UserId> out;
  for (const auto& [id, user] : users_) {
    if (out.size() >= limit) break;
    if (user.online) out.push_back(id);
  }
  return out;
}

void PresenceBoard::advance(std::vector<PresencePush>& pushes) {
  const MonotonicTime now = clock_.monotonic();
  while (!timers_.empty() && timers_.top().first <= now) {
    const auto [at, id] = timers_.top();
    timers_.pop();
    const auto found = users_.find(id);
    if (found == users_.end() || found->second.timer != at) continue;
    found->second.timer.reset();
    if (!settle(id, found->second, now, pushes)) users_.erase(found);
  }
}

bool PresenceBoard::settle(const UserId& id, User& user, MonotonicTime now,
                           std::vector<PresencePush>& pushes) {
  if (user.online && user.connections == 0 && user.online_until <= now) {
    user.online = false;
    record_seen(id, user);
  }
  if (user.online != user.announced || user.push_again) {
    if (now < user.next_push_at) {
      arm(id, user, user.next_push_at);
    } else {
      user.announced = user.online;
      user.push_again = false;
      user.next_push_at = {now.ms + options_.push_interval_ms};
      pushes.push_back(
          {id, user.online, user.online ? std::nullopt : std::optional<WallTime>(user.seen_at)});
    }
  }
  if (user.online && user.connections == 0) arm(id, user, user.online_until);
  if (user.online || user.connections > 0) return true;
  // Offline: remembered until the next push would be allowed.
  if (user.online == user.announced && !user.push_again && user.next_push_at <= now) return false;
  arm(id, user, user.next_push_at);
  return true;
}

void PresenceBoard::push_failed(const UserId& id) {
  const auto at = users_.find(id);
  if (at == users_.end()) return;
  at->second.push_again = true;
  arm(id, at->second, at->second.next_push_at);
}

std::optional<MonotonicTime> PresenceBoard::next_due() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.top().first;
}

void PresenceBoard::take_last_seen(std::size_t limit,
                                   std::vector<std::pair<UserId, WallTime>>& out) {
  while (limit-- > 0 && !unwritten_.empty()) {
    const auto at = unwritten_.begin();
    out.emplace_back(at->first, at->second);
    unwritten_.erase(at);
  }
}

void PresenceBoard::put_back_last_seen(const std::vector<std::pair<UserId, WallTime>>& times) {
  for (const auto& [id, at] : times) {
    if (unwritten_.size() < kUnwrittenMax) unwritten_.try_emplace(id, at);
  }
}

void PresenceBoard::touch_online() {
  for (auto& [id, user] : users_) {
    if (!user.online) continue;
    user.seen_at = clock_.wall();
    record_seen(id, user);
  }
}

}  // namespace maru::fanout
