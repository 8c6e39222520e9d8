// A fixed table of (tag, value) words without locks: `kTagBits` say whose the word is, the rest is
// its value. A set is one cache line; a newcomer takes the word with the smallest value, so values
// begin with a time and the oldest is forgotten first. Any thread; never blocks.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/zeroed_array.hpp"

namespace maru::gateway {

inline constexpr int kSlotValueBits = 40;
inline constexpr std::uint64_t kSlotValueMask = (std::uint64_t{1} << kSlotValueBits) - 1;

// One thread wins each round, so a loser's retries are bounded in practice; past this many a caller
// gives up.
inline constexpr int kSlotRetriesMax = 64;

template <std::size_t kSets>
class SlotTable {
 public:
  struct Found {
    std::atomic<std::uint64_t>* slot = nullptr;
    std::uint64_t word = 0;  // as read
    std::uint64_t value = 0;
    bool present = false;
  };

  // The word of `hash`, or the one to overwrite for it.
  [[nodiscard]] Found find(std::uint64_t hash) const {
    auto& set = sets_[hash % kSets];
    const std::uint64_t tag = tag_of(hash);
    Found oldest;
    for (auto& slot : set.slots) {
      const std::uint64_t word = slot.load(std::memory_order_relaxed);
      const std::uint64_t value = word & kSlotValueMask;
      if (word >> kSlotValueBits == tag) return {&slot, word, value, true};
      if (oldest.slot == nullptr || value < oldest.value) oldest = {&slot, word, value, false};
    }
    oldest.value = 0;
    return oldest;
  }

  // False: another thread was there first; find() again.
  static bool replace(const Found& found, std::uint64_t hash, std::uint64_t value) {
    std::uint64_t expected = found.word;
    return found.slot->compare_exchange_weak(
        expected, tag_of(hash) << kSlotValueBits | (value & kSlotValueMask),
        std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t kWays = 8;  // one cache line of slots

  static std::uint64_t tag_of(std::uint64_t hash) {
    const std::uint64_t tag = hash >> kSlotValueBits;
    return tag == 0 ? 1 : tag;  // an all-zero word is a free slot
  }

  struct alignas(64) Set {
    std::array<std::atomic<std::uint64_t>, kWays> slots{};
  };
  mutable ZeroedArray<Set> sets_{kSets};
};

}  // namespace maru::gateway
