// The last words to polling clients whose session has ended (protocol.md 1.7): `6` after the
// client's own `1` (its GET may be under way); after the server's close what was still queued, and
// `1` for the GET after that. Apart, because stock clients look at a message only when they are
// done with the body that it came in: a `1` beside it would come first. Each is told once, within
// kKeptMs; the oldest go first when there are too many. Owner thread only.
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

  // One payload for each of the next GETs, in order.
  void add(const SessionSecret& secret, std::deque<std::string> payloads, MonotonicTime now);
  // What the next GET is answered.
  [[nodiscard]] std::optional<std::string> take(const SessionSecret& secret, MonotonicTime now);
  [[nodiscard]] std::size_t size() const { return stones_.size(); }

 private:
  struct Stone {
    SessionSecret secret;
    std::deque<std::string> payloads;
    std::size_t bytes = 0;  // of them
    MonotonicTime until;
  };

  void pop_front();

  std::deque<Stone> stones_;  // by `until`
  std::size_t bytes_ = 0;
};

}  // namespace maru::endpoint
