// maru_load fanout|idle BINARY [options]: prints figures; see docs/operations/benchmarks.md.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

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

// Interleaved, so that what the machine does meanwhile hits both alike.
void fanout(const std::string& binary, int window, int repeats, double seconds) {
  FanoutShape shape;
  shape.window = window;
  shape.seconds = seconds;
  std::vector<double> bare;
  std::vector<double> maru;
  std::vector<double> ratio;
  std::vector<double> rate;
  for (int i = 0; i < repeats; ++i) {
    const FanoutFigures floor = loadgen::run_bare(shape);
    const FanoutFigures ours = loadgen::run_fanout(binary, shape);
    bare.push_back(floor.cpu_us_per_delivery);
    maru.push_back(ours.cpu_us_per_delivery);
    ratio.push_back(ours.cpu_us_per_delivery / floor.cpu_us_per_delivery);
    rate.push_back(ours.deliveries_per_s / 1000);
    fmt::print(
        "  run {}: bare {:.2f} us ({:.0f}% busy), maru {:.2f} us ({:.0f}% busy, {:.0f} k/s)\n",
        i + 1, floor.cpu_us_per_delivery, floor.server_busy * 100, ours.cpu_us_per_delivery,
        ours.server_busy * 100, ours.deliveries_per_s / 1000);
    std::fflush(stdout);
  }
  fmt::print(
      "fanout, rooms of 100, window {}, durable log on: CPU us per delivery: bare send {}, "
      "maru {}, ratio {}; {} k deliveries/s\n",
      window, shown(spread_of(bare)), shown(spread_of(maru)), shown(spread_of(ratio)),
      shown(spread_of(rate)));
}

void idle(const std::string& binary, int connections) {
  const loadgen::IdleFigures figures = loadgen::run_idle(binary, connections);
  fmt::print(
      "idle: {} connections, {:.0f} bytes each; {:.0f} us CPU per connect and attach; "
      "{:.1f} MB resident without connections; ready after {:.0f} ms\n",
      connections, figures.bytes_per_connection, figures.cpu_us_per_connect,
      static_cast<double>(figures.resident_empty) / 1e6, figures.ready_after_s * 1000);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto number = [&](std::size_t index, double otherwise) {
    return arguments.size() > index ? std::atof(arguments[index].c_str()) : otherwise;
  };
  if (arguments.size() >= 2 && arguments[0] == "fanout") {
    fanout(arguments[1], static_cast<int>(number(2, 1)), static_cast<int>(number(3, 5)),
           number(4, 3));
    return 0;
  }
  if (arguments.size() >= 2 && arguments[0] == "idle") {
    idle(arguments[1], static_cast<int>(number(2, 10'000)));
    return 0;
  }
  std::fprintf(stderr,
               "usage: maru_load fanout BINARY [window] [repeats] [seconds]\n"
               "       maru_load idle BINARY [connections]\n");
  return 2;
}
