// Two clocks that are never mixed. Wall time stamps documents for people and never orders anything
// (architecture.md, delivery contract); monotonic time drives every deadline.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>

namespace maru {

// Milliseconds since 1970-01-01 UTC.
struct WallTime {
  std::int64_t ms = 0;
  auto operator<=>(const WallTime&) const = default;
};

// "2026-11-23T09:30:00.123Z" (RFC 3339, UTC, milliseconds).
std::string to_rfc3339(WallTime time);
// Writes exactly 24 bytes.
void write_rfc3339(WallTime time, char* out24);

// Milliseconds on the steady clock.
struct MonotonicTime {
  std::int64_t ms = 0;
  auto operator<=>(const MonotonicTime&) const = default;
};

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime wall() const = 0;
  [[nodiscard]] virtual MonotonicTime monotonic() const = 0;
};

// The machine's clocks. Any thread.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() const override;
  [[nodiscard]] MonotonicTime monotonic() const override;
};

// Stands still until told. Tests only; one thread.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() const override { return wall_; }
  [[nodiscard]] MonotonicTime monotonic() const override { return monotonic_; }
  void advance_ms(std::int64_t ms) {
    wall_.ms += ms;
    monotonic_.ms += ms;
  }
  void set_wall(WallTime wall) { wall_ = wall; }

 private:
  WallTime wall_{1'700'000'000'000};
  MonotonicTime monotonic_{1'000'000};
};

}  // namespace maru
