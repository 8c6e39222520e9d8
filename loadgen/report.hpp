// What main.cpp and reports.cpp print with.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "loadgen/scenarios.hpp"

namespace loadgen {

struct Spread {
  double low;
  double median;
  double high;
};

inline Spread spread_of(std::vector<double> values) {
  std::ranges::sort(values);
  return {values.front(), values[values.size() / 2], values.back()};
}

inline std::string shown(const Spread& spread) {
  return fmt::format("{:.2f} ({:.2f}–{:.2f})", spread.median, spread.low, spread.high);
}

// For tools/bench, which makes the table.
inline void figure(std::string_view name, double value) {
  fmt::print("figure {} {:.4f}\n", name, value);
}

// Before what is measured; a short run warms up for a short time.
inline double warm_up_of(double seconds) {
  return std::min(3.0, seconds * 0.3);
}

// quality.md 3: a closed loop shows a maximum only where the server has nothing to wait for.
inline constexpr double kBusyShareMin = 0.95;

void report_pairs(const std::string& binary, int repeats, double seconds);
void report_acks(const std::string& binary, SteadyShape shape);
void report_delivery(const std::string& binary, double per_second, double seconds);
void report_history(const std::string& binary, const std::string& store, Pages pages,
                    double seconds);

}  // namespace loadgen
