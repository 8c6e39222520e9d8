#include "endpoint/tombstones.hpp"

#include <algorithm>
#include <utility>

namespace maru::endpoint {

void Tombstones::pop_front() {
  bytes_ -= stones_.front().payload.size();
  stones_.pop_front();
}

void Tombstones::add(const SessionSecret& secret, std::string payload, MonotonicTime now) {
  if (payload.size() > kBytesMax) return;
  bytes_ += payload.size();
  stones_.push_back({secret, std::move(payload), MonotonicTime{now.ms + kKeptMs}});
  while (stones_.size() > kCountMax || bytes_ > kBytesMax || stones_.front().until < now) {
    pop_front();
  }
}

std::optional<std::string> Tombstones::take(const SessionSecret& secret, MonotonicTime now) {
  while (!stones_.empty() && stones_.front().until < now) pop_front();
  const auto stone = std::ranges::find(stones_, secret, &Stone::secret);
  if (stone == stones_.end()) return std::nullopt;
  std::string payload = std::move(stone->payload);
  bytes_ -= payload.size();
  stones_.erase(stone);
  return payload;
}

}  // namespace maru::endpoint
