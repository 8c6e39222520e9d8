// What the sequencer has done since the start, for metrics. Written by its thread, read by any.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "chat/model.hpp"

namespace maru::chat {

// Counts by powers of two: bucket b holds the values v with bit_width(v) == b, that is
// 2^(b-1) ≤ v < 2^b; the last one also holds everything greater.
template <std::size_t kBuckets>
class PowerHistogram {
 public:
  void record(std::uint64_t value) {
    const std::size_t width = static_cast<std::size_t>(std::bit_width(value));
    auto& bucket = buckets_[width < kBuckets ? width : kBuckets - 1];
    bucket.fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t bucket(std::size_t index) const {
    return buckets_[index].load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t sum() const { return sum_.load(std::memory_order_relaxed); }
  static constexpr std::size_t kSize = kBuckets;

 private:
  std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
  std::atomic<std::uint64_t> sum_{0};
};

struct LaneCounters {
  std::atomic<std::uint64_t> commands{0};     // answered, whatever the answer
  std::atomic<std::uint64_t> records{0};      // made durable
  std::atomic<std::uint64_t> batches{0};      // with and without changes
  std::atomic<std::uint64_t> unavailable{0};  // commands answered kUnavailable
  std::atomic<std::uint64_t> conflicts{0};    // appends that hit a unique key
  std::atomic<std::uint64_t> internal{0};     // commands given up as kInternal
  std::atomic<std::uint64_t> send_looks{0};   // clientMsgIds looked up in the store
  std::atomic<std::uint64_t> over_quota{0};   // chats refused for the quotas of strangers
  // About what was added to the store, by AccountType of who wrote it.
  std::array<std::atomic<std::uint64_t>, kAccountTypes> bytes_by_type{};
  PowerHistogram<16> batch_commands;  // commands a batch
  PowerHistogram<26> append_us;       // µs an append took, whether it succeeded or not
};

}  // namespace maru::chat
