// Ids from a seed: the same ones in every run. Tests only.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>

#include "base/id.hpp"

namespace maru::chat::testing {

class SeededIds final : public IdSource {
 public:
  explicit SeededIds(std::uint64_t seed = 1) : state_(mix(seed)) {}

  std::array<std::uint8_t, 12> next_object_id() override {
    std::array<std::uint8_t, 12> id{0x65, 0x53, 0xF1, 0x00};
    const std::uint64_t bits = mix(state_.fetch_add(kStep, std::memory_order_relaxed));
    std::memcpy(id.data() + 4, &bits, sizeof bits);
    return id;
  }

 private:
  static constexpr std::uint64_t kStep = 0x9E37'79B9'7F4A'7C15;
  // SplitMix64: every state gives other bits.
  static std::uint64_t mix(std::uint64_t bits) {
    bits = (bits ^ bits >> 30) * 0xBF58'476D'1CE4'E5B9;
    bits = (bits ^ bits >> 27) * 0x94D0'49BB'1331'11EB;
    return bits ^ bits >> 31;
  }

  std::atomic<std::uint64_t> state_;
};

}  // namespace maru::chat::testing
