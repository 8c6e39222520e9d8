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
  local_changes_.emplace_back(id, online);
  record_seen(id, user);
  arm(id, user, std::max(clock_.monotonic(), user.next_push_at));
}

// ---- other nodes
// -----------------------------------------------------------------------------

void PresenceBoard::heard(const NodeId& node,
                          std::span<const chat::PresenceRegistry::Change> changes, bool is_all) {
  if (is_all) {
    std::unordered_set<UserId> gone = elsewhere_[node];
    for (const auto& [id, online] : changes) gone.erase(id);
    for (const UserId& id : gone) left_elsewhere(node, id, options_.offline_grace_ms);
  }
  for (const auto& [id, online] : changes) {
    if (online) {
      came_elsewhere(node, id);
    } else {
      left_elsewhere(node, id, 0);
    }
  }
  if (const auto users = elsewhere_.find(node);
      users != elsewhere_.end() && users->second.empty()) {
    elsewhere_.erase(users);
  }
}

void PresenceBoard::came_elsewhere(const NodeId& node, const UserId& id) {
  auto at = users_.find(id);
  if (at == users_.end()) {
    if (users_.size() >= kUsersMax) return;
    at = users_.try_emplace(id).first;
  }
  if (!elsewhere_[node].insert(id).second) return;
  User& user = at->second;
  ++user.nodes;
  user.gone_until = {};
  arm(id, user, std::max(clock_.monotonic(), user.next_push_at));
}

void PresenceBoard::left_elsewhere(const NodeId& node, const UserId& id, std::int64_t grace_ms) {
  const auto users = elsewhere_.find(node);
  if (users == elsewhere_.end() || users->second.erase(id) == 0) return;
  User& user = users_.at(id);
  if (--user.nodes > 0) return;
  const MonotonicTime now = clock_.monotonic();
  if (!user.online) user.seen_at = clock_.wall();
  user.gone_until = {now.ms + grace_ms};
  arm(id, user, std::max({now, user.gone_until, user.next_push_at}));
}

void PresenceBoard::take_local_changes(std::vector<chat::PresenceRegistry::Change>& out) {
  out.insert(out.end(), local_changes_.begin(), local_changes_.end());
  local_changes_.clear();
}

// ---- what is pushed
// --------------------------------------------------------------------------

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
  return at != users_.end() && is_visible(at->second, clock_.monotonic());
}

std::vector<UserId> PresenceBoard::online_users(std::size_t limit) const {
  const MonotonicTime now = clock_.monotonic();
  std::vector<UserId> out;
  for (const auto& [id, user] : users_) {
    if (out.size() >= limit) break;
    if (is_visible(user, now)) out.push_back(id);
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
    local_changes_.emplace_back(id, false);
    record_seen(id, user);
  }
  const bool is_seen = is_visible(user, now);
  if (is_seen != user.announced || user.push_again) {
    if (now < user.next_push_at) {
      arm(id, user, user.next_push_at);
    } else {
      user.announced = is_seen;
      user.push_again = false;
      user.next_push_at = {now.ms + options_.push_interval_ms};
      pushes.push_back(
          {id, is_seen, is_seen ? std::nullopt : std::optional<WallTime>(user.seen_at)});
    }
  }
  if (user.online && user.connections == 0) arm(id, user, user.online_until);
  if (!user.online && user.nodes == 0 && is_seen) arm(id, user, user.gone_until);
  if (is_seen || user.connections > 0) return true;
  // Offline: remembered until the next push would be allowed.
  if (is_seen == user.announced && !user.push_again && user.next_push_at <= now) return false;
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
