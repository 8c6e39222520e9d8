// Ids from a seed: the same ones in every run. Tests only.
#pragma once

#include <cstring>
#include <mutex>
#include <random>

#include "base/id.hpp"

namespace maru::chat::testing {

class SeededIds final : public IdSource {
 public:
  explicit SeededIds(std::uint64_t seed = 1) : random_(seed) {}

  std::array<std::uint8_t, 12> next_object_id() override {
    std::array<std::uint8_t, 12> id{0x65, 0x53, 0xF1, 0x00};
    std::lock_guard lock(mutex_);
    const std::uint64_t bits = random_();
    std::memcpy(id.data() + 4, &bits, sizeof bits);
    return id;
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 random_;
};

}  // namespace maru::chat::testing
