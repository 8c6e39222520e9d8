// Random bytes and document ids from the system's generator (libsodium). Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"
#include "base/id.hpp"

namespace maru::app {

// Once, before the first use. False: the system has no randomness to give.
[[nodiscard]] bool start_random();

void fill_random(std::uint8_t* out, std::size_t size);

// 4 bytes of seconds and 64 random bits. Each thread draws its own 4 KiB at a time (a system call
// for each id would cost as much as the rest of a message's decision), and wipes them as they are
// given out.
class RandomIdSource final : public IdSource {
 public:
  explicit RandomIdSource(const Clock& clock) : clock_(clock) {}
  std::array<std::uint8_t, 12> next_object_id() override;

 private:
  const Clock& clock_;
};

}  // namespace maru::app
