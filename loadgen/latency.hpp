// How long things took: all of them are kept.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace loadgen {

struct Latencies {
  double p50_ms = 0;
  double p99_ms = 0;
  double p999_ms = 0;
  double max_ms = 0;
};

// Of at least one.
inline Latencies latencies_of(std::vector<double> took_ms) {
  std::ranges::sort(took_ms);
  const auto at = [&](double share) {
    const auto index = static_cast<std::size_t>(static_cast<double>(took_ms.size()) * share);
    return took_ms[std::min(index, took_ms.size() - 1)];
  };
  return {at(0.5), at(0.99), at(0.999), took_ms.back()};
}

// When each of an open loop is due, whatever became of those before it.
class Pace {
 public:
  Pace(double begun_s, double per_second) : begun_s_(begun_s), per_second_(per_second) {}
  [[nodiscard]] double due_s(std::size_t number) const {
    return begun_s_ + static_cast<double>(number) / per_second_;
  }
  // How many are due by then.
  [[nodiscard]] std::size_t due_by(double now_s) const {
    return now_s <= begun_s_ ? 0 : static_cast<std::size_t>((now_s - begun_s_) * per_second_);
  }

 private:
  double begun_s_;
  double per_second_;
};

}  // namespace loadgen
