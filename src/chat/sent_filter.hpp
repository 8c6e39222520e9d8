// Which sends were stored lately, as two generations of a Bloom filter: "maybe" or "not lately".
// It only steers where a resend is looked for first; the store's unique key decides. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace maru::chat {

class SentFilter {
 public:
  // Remembers at least the last `generation_max` hashes, at most twice as many. With 100,000 about
  // 1 % of the others are taken for known.
  explicit SentFilter(std::size_t generation_max) : generation_max_(generation_max) {}

  void add(std::uint64_t hash) {
    if (added_ >= generation_max_) {
      older_.swap(newer_);
      newer_.assign(kWords, 0);
      added_ = 0;
    }
    ++added_;
    set(newer_, hash);
    set(newer_, hash >> 32);
  }

  [[nodiscard]] bool may_have(std::uint64_t hash) const {
    return (has(newer_, hash) && has(newer_, hash >> 32)) ||
           (has(older_, hash) && has(older_, hash >> 32));
  }

 private:
  static constexpr std::size_t kBits = std::size_t{1} << 21;  // 256 KiB a generation
  static constexpr std::size_t kWords = kBits / 64;
  using Bits = std::vector<std::uint64_t>;

  static void set(Bits& bits, std::uint64_t hash) {
    bits[(hash % kBits) / 64] |= std::uint64_t{1} << (hash % 64);
  }
  static bool has(const Bits& bits, std::uint64_t hash) {
    return (bits[(hash % kBits) / 64] >> (hash % 64) & 1) != 0;
  }

  const std::size_t generation_max_;
  Bits newer_ = Bits(kWords);
  Bits older_ = Bits(kWords);
  std::size_t added_ = 0;
};

}  // namespace maru::chat
