// maru_load fanout|idle|logins BINARY [options]: prints figures; see docs/operations/benchmarks.md.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "loadgen/die.hpp"
#include "loadgen/process.hpp"
#include "loadgen/scenarios.hpp"

namespace {

using loadgen::FanoutFigures;
using loadgen::FanoutShape;

struct Spread {
  double low;
  double median;
  double high;
};

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}

std::string shown(const Spread& spread) {
  return fmt::format("{:.2f} ({:.2f}–{:.2f})", spread.median, spread.low, spread.high);
}

// For tools/bench, which makes the table.
void figure(std::string_view name, double value) {
  fmt::print("figure {} {:.4f}\n", name, value);
}

struct Pair {
  FanoutFigures bare;
  FanoutFigures maru;
  [[nodiscard]] double ratio() const { return maru.cpu_us_per_delivery / bare.cpu_us_per_delivery; }
  // quality.md 3: a closed loop shows a maximum only where the server has nothing to wait for.
  [[nodiscard]] bool valid() const {
    return std::min(bare.server_busy, maru.server_busy) >= kBusyShareMin;
  }
  static constexpr double kBusyShareMin = 0.95;
};

constexpr int kAttemptsMax = 3;  // for a run that the machine disturbed

// Interleaved, so that what the machine does meanwhile hits both alike.
Pair run_pair(const std::string& binary, const FanoutShape& shape, int run) {
  Pair pair;
  for (int attempt = 1; attempt <= kAttemptsMax; ++attempt) {
    pair.maru = loadgen::run_fanout(binary, shape);
    pair.bare = loadgen::run_bare(shape, pair.maru.frame_bytes);
    fmt::print(
        "  run {}: bare {:.2f} us ({:.0f}% busy), maru {:.2f} us ({:.0f}% busy, {:.0f} k/s), "
        "frames of {} B{}\n",
        run, pair.bare.cpu_us_per_delivery, pair.bare.server_busy * 100,
        pair.maru.cpu_us_per_delivery, pair.maru.server_busy * 100,
        pair.maru.deliveries_per_s / 1000, pair.maru.frame_bytes,
        pair.valid() ? "" : " - invalid: below 95% busy");
    std::fflush(stdout);
    if (pair.valid()) break;
  }
  return pair;
}

void fanout(const std::string& binary, int window, int repeats, double seconds) {
  FanoutShape shape;
  shape.window = window;
  shape.seconds = seconds;
  std::vector<double> bare;
  std::vector<double> maru;
  std::vector<double> ratio;
  std::vector<double> rate;
  int invalid = 0;
  for (int i = 0; i < repeats; ++i) {
    const Pair pair = run_pair(binary, shape, i + 1);
    if (!pair.valid()) ++invalid;
    bare.push_back(pair.bare.cpu_us_per_delivery);
    maru.push_back(pair.maru.cpu_us_per_delivery);
    ratio.push_back(pair.ratio());
    rate.push_back(pair.maru.deliveries_per_s / 1000);
  }
  fmt::print(
      "fanout, rooms of 100, window {}, durable log on: CPU us per delivery: bare send {}, "
      "maru {}, ratio {}; {} k deliveries/s\n",
      window, shown(spread_of(bare)), shown(spread_of(maru)), shown(spread_of(ratio)),
      shown(spread_of(rate)));
  if (invalid > 0) {
    fmt::print("  {} of {} runs stayed invalid after {} attempts: something else used the cores\n",
               invalid, repeats, kAttemptsMax);
  }
  const std::string prefix = fmt::format("fanout_{}_", window);
  figure(prefix + "ratio", spread_of(ratio).median);
  figure(prefix + "ratio_low", spread_of(ratio).low);
  figure(prefix + "ratio_high", spread_of(ratio).high);
  figure(prefix + "deliveries_per_s", spread_of(rate).median * 1000);
  figure(prefix + "invalid_runs", invalid);
}

void idle(const std::string& binary, int connections, double settle_s) {
  loadgen::raise_descriptor_limit(static_cast<std::size_t>(connections) + 64);
  const loadgen::IdleFigures figures = loadgen::run_idle(binary, connections, settle_s);
  fmt::print(
      "idle: {} connections, {:.0f} bytes each after {:.0f} s; {:.0f} us CPU per connect and "
      "attach; {:.1f} MB resident without connections; ready after {:.0f} ms\n",
      connections, figures.bytes_per_connection, settle_s, figures.cpu_us_per_connect,
      static_cast<double>(figures.resident_empty) / 1e6, figures.ready_after_s * 1000);
  figure("idle_bytes_per_connection", figures.bytes_per_connection);
  figure("idle_cpu_us_per_connect", figures.cpu_us_per_connect);
  figure("resident_empty_mb", static_cast<double>(figures.resident_empty) / 1e6);
  figure("ready_after_s", figures.ready_after_s);
}

void logins(const std::string& binary, int repeats, double seconds) {
  constexpr int kFlooders = 4;
  std::vector<double> calm;
  std::vector<double> flooded;
  std::vector<double> ratio;
  std::vector<double> rate;
  for (int i = 0; i < repeats; ++i) {
    const loadgen::LoginFigures without = loadgen::run_logins(binary, 0, seconds);
    const loadgen::LoginFigures with = loadgen::run_logins(binary, kFlooders, seconds);
    fmt::print("  run {}: p99 {:.2f} ms, with {:.0f} logins/s {:.2f} ms\n", i + 1, without.p99_ms,
               with.logins_per_s, with.p99_ms);
    std::fflush(stdout);
    calm.push_back(without.p99_ms);
    flooded.push_back(with.p99_ms);
    ratio.push_back(with.p99_ms / without.p99_ms);
    rate.push_back(with.logins_per_s);
  }
  fmt::print(
      "logins: send to ack, p99: {} ms, {} ms while {} connections log in ({} a second), ratio "
      "{}\n",
      shown(spread_of(calm)), shown(spread_of(flooded)), kFlooders, shown(spread_of(rate)),
      shown(spread_of(ratio)));
  figure("logins_p99_ms", spread_of(flooded).median);
  figure("logins_ratio", spread_of(ratio).median);
}

constexpr const char* kUsage =
    "usage: maru_load fanout BINARY [window=1] [repeats=5] [seconds=3]\n"
    "       maru_load idle BINARY [connections=9000] [settle seconds=30]\n"
    "       maru_load logins BINARY [repeats=5] [seconds=3]\n";

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto number = [&](std::size_t index, double otherwise, double low) {
    if (arguments.size() <= index) return otherwise;
    const double value = std::atof(arguments[index].c_str());
    if (value < low) loadgen::die("'{}' must be {} or more", arguments[index], low);
    return value;
  };
  loadgen::clean_up_on_exit();
  if (arguments.size() >= 2 && arguments[0] == "fanout") {
    loadgen::raise_descriptor_limit(1024);
    fanout(arguments[1], static_cast<int>(number(2, 1, 1)), static_cast<int>(number(3, 5, 1)),
           number(4, 3, 0.1));
    return 0;
  }
  if (arguments.size() >= 2 && arguments[0] == "idle") {
    idle(arguments[1], static_cast<int>(number(2, 9'000, 10)), number(3, 30, 0));
    return 0;
  }
  if (arguments.size() >= 2 && arguments[0] == "logins") {
    logins(arguments[1], static_cast<int>(number(2, 5, 1)), number(3, 3, 0.5));
    return 0;
  }
  std::fprintf(stderr, "%s", kUsage);
  return 64;
}
