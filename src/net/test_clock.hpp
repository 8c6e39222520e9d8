// A clock that stands still until told, for I/O threads that run: what is said to happen after a
// while happens when the test lets that while pass, however slow the machine. Any thread; tests
// only.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.hpp"

namespace maru::net::test {

class SteppedClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() const override { return {1'700'000'000'000 + passed_ms_.load()}; }
  [[nodiscard]] MonotonicTime monotonic() const override { return {1'000'000 + passed_ms_.load()}; }
  // A thread that sleeps does not notice: post it something (Server::pass).
  void advance_ms(std::int64_t ms) { passed_ms_ += ms; }

 private:
  std::atomic<std::int64_t> passed_ms_{0};
};

}  // namespace maru::net::test
