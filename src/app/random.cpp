#include "app/random.hpp"

#include <sodium.h>

#include <cstring>

namespace maru::app {

bool start_random() {
  return sodium_init() >= 0;
}

void fill_random(std::uint8_t* out, std::size_t size) {
  randombytes_buf(out, size);
}

std::array<std::uint8_t, 12> RandomIdSource::next_object_id() {
  std::array<std::uint8_t, 12> bytes;
  const auto seconds = static_cast<std::uint32_t>(clock_.wall().ms / 1000);
  for (int i = 0; i < 4; ++i) bytes[static_cast<std::size_t>(i)] = seconds >> (24 - 8 * i) & 0xff;
  constexpr std::size_t kRandomBytes = 8;
  if (used_ == pool_.size()) {
    fill_random(pool_.data(), pool_.size());
    used_ = 0;
  }
  std::uint8_t* const next = pool_.data() + used_;
  std::memcpy(bytes.data() + 4, next, kRandomBytes);
  // Ids that are not given yet must not be told by those that are, nor a core file tell both.
  sodium_memzero(next, kRandomBytes);
  used_ += kRandomBytes;
  return bytes;
}

RandomIdSource::~RandomIdSource() {
  sodium_memzero(pool_.data(), pool_.size());
}

}  // namespace maru::app
