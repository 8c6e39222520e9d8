// What the front ends of an I/O thread count for /metrics, by operation. Written by any thread,
// read by any; relaxed.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/error.hpp"

namespace maru::gateway {

class Counters {
 public:
  static constexpr std::size_t kOperationsMax = 64;  // the last one: what met no operation
  static constexpr std::size_t kNoOperation = kOperationsMax - 1;
  // The last one stands for all others.
  static constexpr std::array<int, 16> kStatuses = {200, 201, 204, 400, 401, 403, 404, 405,
                                                    409, 413, 415, 429, 500, 503, 504, 0};
  // Of an event: done, or the code of the refusal.
  static constexpr std::size_t kOutcomes = 1 + kErrorCodeCount;
  [[nodiscard]] static constexpr std::size_t outcome_of(std::optional<ErrorCode> refusal) {
    return refusal ? 1 + static_cast<std::size_t>(*refusal) : 0;
  }
  // Upper bounds in microseconds; the last bucket has none.
  static constexpr std::array<std::int64_t, 11> kLatencyBounds = {
      100, 250, 500, 1'000, 2'500, 5'000, 10'000, 50'000, 250'000, 1'000'000, 5'000'000};

  // Past the last operation counts as none.
  void call_answered(std::size_t operation, int status, std::int64_t microseconds);
  void event_answered(std::size_t operation, std::optional<ErrorCode> refusal);

  void aborted() { count(aborted_); }
  void dropped() { count(dropped_); }
  void read_refused() { count(reads_refused_); }

  struct Totals {
    std::array<std::array<std::uint64_t, kStatuses.size()>, kOperationsMax> calls{};
    std::array<std::array<std::uint64_t, kOutcomes>, kOperationsMax> events{};
    std::array<std::uint64_t, kLatencyBounds.size() + 1> latency{};
    std::uint64_t latency_sum_us = 0;
    std::uint64_t aborted = 0;        // calls given up unanswered because the client had gone
    std::uint64_t dropped = 0;        // calls that a stop dropped, answered 503
    std::uint64_t reads_refused = 0;  // 429: too many bulk reads of one reader at once
  };
  // Over all I/O threads.
  [[nodiscard]] static Totals sum(std::span<const Counters* const> all);

 private:
  using Counter = std::atomic<std::uint64_t>;
  static void count(Counter& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

  std::array<std::array<Counter, kStatuses.size()>, kOperationsMax> calls_{};
  std::array<std::array<Counter, kOutcomes>, kOperationsMax> events_{};
  std::array<Counter, kLatencyBounds.size() + 1> latency_{};
  Counter latency_sum_us_{0};
  Counter aborted_{0};
  Counter dropped_{0};
  Counter reads_refused_{0};
};

}  // namespace maru::gateway
