// The last words to polling clients that had no GET open when their session ended: `6` after the
// client's own `1` (its GET may be under way), what was queued and `1` after the server's close
// (protocol.md 1.7). Each is told once, within kKeptMs; the oldest go first when there are too
// many. Owner thread only.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "endpoint/sid.hpp"

namespace maru::endpoint {

class Tombstones {
 public:
  static constexpr std::int64_t kKeptMs = 30'000;
  static constexpr std::size_t kCountMax = 256;
  static constexpr std::size_t kBytesMax = 1024 * 1024;

  void add(const SessionSecret& secret, std::string payload, MonotonicTime now);
  // The payload, once.
  [[nodiscard]] std::optional<std::string> take(const SessionSecret& secret, MonotonicTime now);
  [[nodiscard]] std::size_t size() const { return stones_.size(); }

 private:
  struct Stone {
    SessionSecret secret;
    std::string payload;
    MonotonicTime until;
  };

  void pop_front();

  std::deque<Stone> stones_;  // by `until`
  std::size_t bytes_ = 0;
};

}  // namespace maru::endpoint
