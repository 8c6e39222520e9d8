// What the REST side counts for /metrics. Written by any thread, read by any; relaxed.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>

namespace maru::gateway::rest {

class Counters {
 public:
  static constexpr std::size_t kRoutesMax = 64;  // the last one: requests that met no route
  // The last one stands for all others.
  static constexpr std::array<int, 16> kStatuses = {200, 201, 204, 400, 401, 403, 404, 405,
                                                    409, 413, 415, 429, 500, 503, 504, 0};
  // Upper bounds in microseconds; the last bucket has none.
  static constexpr std::array<std::int64_t, 11> kLatencyBounds = {
      100, 250, 500, 1'000, 2'500, 5'000, 10'000, 50'000, 250'000, 1'000'000, 5'000'000};

  void answered(std::size_t route, int status, std::int64_t microseconds);

  void aborted() { aborted_.fetch_add(1, std::memory_order_relaxed); }
  void dropped() { dropped_.fetch_add(1, std::memory_order_relaxed); }
  void read_refused() { reads_refused_.fetch_add(1, std::memory_order_relaxed); }

  // The sum over all I/O threads in the Prometheus text format.
  static std::string prometheus(std::span<const Counters* const> all);

 private:
  using Counter = std::atomic<std::uint64_t>;
  std::array<std::array<Counter, kStatuses.size()>, kRoutesMax> requests_{};
  std::array<Counter, kLatencyBounds.size() + 1> latency_{};
  Counter latency_sum_us_{0};
  Counter aborted_{0};        // calls given up unanswered because the client had gone
  Counter dropped_{0};        // calls that a stop dropped, answered 503
  Counter reads_refused_{0};  // 429: too many bulk reads of one reader at once
};

}  // namespace maru::gateway::rest
