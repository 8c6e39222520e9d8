#include "fanout/recovery/account_events.hpp"

#include <algorithm>

namespace maru::fanout {

void AccountEvents::push(wire::Position position, std::span<const UserId> users) {
  for (const UserId& user : users) {
    if (entries_.size() >= kEventsMax) pop_oldest();
    entries_.emplace_back(user, position);
    newest_[user] = position;
  }
}

void AccountEvents::pop_oldest() {
  const auto [user, position] = entries_.front();
  entries_.pop_front();
  known_after_ = std::max(known_after_, position);
  const auto newest = newest_.find(user);
  if (newest != newest_.end() && newest->second == position) newest_.erase(newest);
}

void AccountEvents::forget_before(wire::Position first) {
  while (!entries_.empty() && entries_.front().second < first) pop_oldest();
}

void AccountEvents::reset(wire::Position last) {
  entries_.clear();
  newest_.clear();
  known_after_ = last;
}

wire::Position AccountEvents::newest_of(const UserId& user) const {
  const auto newest = newest_.find(user);
  return newest == newest_.end() ? 0 : newest->second;
}

}  // namespace maru::fanout
