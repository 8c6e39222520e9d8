#include "app/random.hpp"

#include <sodium.h>

#include <cstring>

namespace maru::app {
namespace {

// Random bytes that one thread has drawn and not yet given out.
class Pool {
 public:
  Pool() = default;
  ~Pool() { sodium_memzero(bytes_.data(), bytes_.size()); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  static constexpr std::size_t kRandomBytes = 8;

  void give(std::uint8_t* out) {
    if (used_ == bytes_.size()) {
      fill_random(bytes_.data(), bytes_.size());
      used_ = 0;
    }
    std::uint8_t* const next = bytes_.data() + used_;
    std::memcpy(out, next, kRandomBytes);
    // Ids that are not given yet must not be told by those that are, nor a core file tell both.
    sodium_memzero(next, kRandomBytes);
    used_ += kRandomBytes;
  }

 private:
  std::array<std::uint8_t, 4096> bytes_{};
  std::size_t used_ = bytes_.size();
};

}  // namespace

bool start_random() {
  return sodium_init() >= 0;
}

void fill_random(std::uint8_t* out, std::size_t size) {
  randombytes_buf(out, size);
}

std::array<std::uint8_t, 12> RandomIdSource::next_object_id() {
  thread_local Pool pool;
  std::array<std::uint8_t, 12> bytes;
  const auto seconds = static_cast<std::uint32_t>(clock_.wall().ms / 1000);
  for (int i = 0; i < 4; ++i) bytes[static_cast<std::size_t>(i)] = seconds >> (24 - 8 * i) & 0xff;
  pool.give(bytes.data() + 4);
  return bytes;
}

}  // namespace maru::app
