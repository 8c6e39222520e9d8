// Counters that one thread writes and any reads, for /metrics: no locked instruction.
#pragma once

#include <atomic>
#include <cstdint>

namespace maru {

using Counter = std::atomic<std::uint64_t>;

// The writer's thread only.
inline void add(Counter& counter, std::uint64_t amount = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}
inline void subtract(Counter& counter, std::uint64_t amount = 1) {
  counter.store(counter.load(std::memory_order_relaxed) - amount, std::memory_order_relaxed);
}

}  // namespace maru
