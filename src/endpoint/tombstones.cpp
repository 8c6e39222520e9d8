#include "endpoint/tombstones.hpp"

#include <algorithm>
#include <utility>

namespace maru::endpoint {

void Tombstones::pop_front() {
  bytes_ -= stones_.front().bytes;
  stones_.pop_front();
}

void Tombstones::add(const SessionSecret& secret, std::deque<std::string> payloads,
                     MonotonicTime now) {
  std::size_t bytes = 0;
  for (const std::string& payload : payloads) bytes += payload.size();
  if (bytes > kBytesMax) return;
  bytes_ += bytes;
  stones_.push_back({secret, std::move(payloads), bytes, MonotonicTime{now.ms + kKeptMs}});
  while (stones_.size() > kCountMax || bytes_ > kBytesMax || stones_.front().until < now) {
    pop_front();
  }
}

std::optional<std::string> Tombstones::take(const SessionSecret& secret, MonotonicTime now) {
  while (!stones_.empty() && stones_.front().until < now) pop_front();
  const auto stone = std::ranges::find(stones_, secret, &Stone::secret);
  if (stone == stones_.end()) return std::nullopt;
  std::string payload = std::move(stone->payloads.front());
  stone->payloads.pop_front();
  stone->bytes -= payload.size();
  bytes_ -= payload.size();
  if (stone->payloads.empty()) stones_.erase(stone);
  return payload;
}

}  // namespace maru::endpoint
