#include "endpoint/tombstones.hpp"

#include <algorithm>
#include <utility>

namespace maru::endpoint {

void Tombstones::pop_front() {
  bytes_ -= stones_.front().first.size();
  stones_.pop_front();
}

void Tombstones::add(const SessionSecret& secret, std::string first, std::string_view last,
                     MonotonicTime now) {
  if (first.size() > kBytesMax) return;
  bytes_ += first.size();
  stones_.push_back({secret, std::move(first), last, MonotonicTime{now.ms + kKeptMs}});
  while (stones_.size() > kCountMax || bytes_ > kBytesMax || stones_.front().until < now) {
    pop_front();
  }
}

std::optional<std::string> Tombstones::take(const SessionSecret& secret, MonotonicTime now) {
  while (!stones_.empty() && stones_.front().until < now) pop_front();
  const auto stone = std::ranges::find(stones_, secret, &Stone::secret);
  if (stone == stones_.end()) return std::nullopt;
  if (!stone->first.empty()) {
    bytes_ -= stone->first.size();
    return std::exchange(stone->first, {});
  }
  std::string last(stone->last);
  stones_.erase(stone);
  return last;
}

}  // namespace maru::endpoint
