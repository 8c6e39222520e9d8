// maru_load fanout|pairs|acks|delivery|history|idle|logins BINARY [options]: prints figures; see
// docs/operations/benchmarks.md.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "loadgen/die.hpp"
#include "loadgen/process.hpp"
#include "loadgen/report.hpp"
#include "loadgen/scenarios.hpp"

namespace {

using loadgen::FanoutFigures;
using loadgen::FanoutShape;
using loadgen::figure;
using loadgen::kBusyShareMin;
using loadgen::shown;
using loadgen::spread_of;

struct Pair {
  FanoutFigures bare;
  FanoutFigures maru;
  [[nodiscard]] double ratio() const { return maru.cpu_us_per_delivery / bare.cpu_us_per_delivery; }
  [[nodiscard]] bool valid() const {
    return std::min(bare.server_busy, maru.server_busy) >= kBusyShareMin;
  }
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
  shape.warm_up_s = loadgen::warm_up_of(seconds);
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
  figure(prefix + "cpu_us", spread_of(maru).median);
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
    "usage: maru_load fanout BINARY [window=1] [repeats=5] [seconds=10]\n"
    "       maru_load pairs BINARY [repeats=5] [seconds=10]\n"
    "       maru_load acks BINARY [none|time-ordered|random] [cores=1] [per second=20000]\n"
    "                      [seconds=10] [STORE of grown_benchmark]\n"
    "       maru_load delivery BINARY [per second=800] [seconds=10]\n"
    "       maru_load history BINARY STORE [newest|anywhere] [seconds=10]\n"
    "       maru_load idle BINARY [connections=9000] [settle seconds=30]\n"
    "       maru_load logins BINARY [repeats=5] [seconds=3]\n";

class Arguments {
 public:
  Arguments(int argc, char** argv) : all_(argv + 1, argv + argc) {}
  [[nodiscard]] std::string text(std::size_t index, const char* otherwise = "") const {
    return all_.size() > index ? all_[index] : otherwise;
  }
  [[nodiscard]] double number(std::size_t index, double otherwise, double low) const {
    if (all_.size() <= index) return otherwise;
    const double value = std::atof(all_[index].c_str());
    if (value < low) loadgen::die("'{}' must be {} or more", all_[index], low);
    return value;
  }
  [[nodiscard]] int count(std::size_t index, int otherwise, int low = 1) const {
    return static_cast<int>(number(index, otherwise, low));
  }
  // Which of these words it is; the first where there is none.
  [[nodiscard]] std::size_t word(std::size_t index,
                                 std::initializer_list<const char*> words) const {
    if (all_.size() <= index) return 0;
    const auto found = std::ranges::find(words, all_[index]);
    if (found == words.end()) loadgen::die("'{}' is none of what is possible here", all_[index]);
    return static_cast<std::size_t>(found - words.begin());
  }

 private:
  std::vector<std::string> all_;
};

void acks(const std::string& binary, const Arguments& given) {
  loadgen::SteadyShape shape;
  shape.ids = static_cast<loadgen::ClientIds>(given.word(2, {"none", "time-ordered", "random"}));
  shape.cores = given.count(3, 1) == 1 ? loadgen::Cores::kOne : loadgen::Cores::kAll;
  shape.per_second = given.number(4, 20'000, 1);
  shape.seconds = given.number(5, 10, 0.5);
  shape.store = given.text(6);
  loadgen::report_acks(binary, shape);
}

bool run(const std::string& name, const std::string& binary, const Arguments& given) {
  if (name == "fanout") {
    fanout(binary, given.count(2, 1), given.count(3, 5), given.number(4, 10, 0.1));
  } else if (name == "pairs") {
    loadgen::report_pairs(binary, given.count(2, 5), given.number(3, 10, 0.1));
  } else if (name == "acks") {
    acks(binary, given);
  } else if (name == "delivery") {
    loadgen::report_delivery(binary, given.number(2, 800, 1), given.number(3, 10, 0.5));
  } else if (name == "history" && !given.text(2).empty()) {
    const auto pages = static_cast<loadgen::Pages>(given.word(3, {"newest", "anywhere"}));
    loadgen::report_history(binary, given.text(2), pages, given.number(4, 10, 0.5));
  } else if (name == "idle") {
    idle(binary, given.count(2, 9'000, 10), given.number(3, 30, 0));
  } else if (name == "logins") {
    logins(binary, given.count(2, 5), given.number(3, 3, 0.5));
  } else {
    return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments given(argc, argv);
  const std::string binary = given.text(1);
  loadgen::clean_up_on_exit();
  loadgen::raise_descriptor_limit(1'200);
  if (!binary.empty() && run(given.text(0), binary, given)) return 0;
  std::fprintf(stderr, "%s", kUsage);
  return 64;
}
