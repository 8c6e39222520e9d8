#include "app/random.hpp"

#include <sodium.h>

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
  fill_random(bytes.data() + 4, 8);
  return bytes;
}

}  // namespace maru::app
