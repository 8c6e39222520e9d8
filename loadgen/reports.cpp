#include <cstdio>

#include "loadgen/die.hpp"
#include "loadgen/report.hpp"

namespace loadgen {
namespace {

constexpr std::string_view name_of(ClientIds ids) {
  switch (ids) {
    case ClientIds::kNone:
      return "none";
    case ClientIds::kTimeOrdered:
      return "time-ordered";
    case ClientIds::kRandom:
      break;
  }
  return "random";
}

std::string shown(const Latencies& took) {
  return fmt::format("p50 {:.2f} ms, p99 {:.2f} ms, p99.9 {:.2f} ms, max {:.1f} ms", took.p50_ms,
                     took.p99_ms, took.p999_ms, took.max_ms);
}

void figures(const std::string& prefix, const Latencies& took) {
  figure(prefix + "p50_ms", took.p50_ms);
  figure(prefix + "p99_ms", took.p99_ms);
  figure(prefix + "p999_ms", took.p999_ms);
}

}  // namespace

void report_pairs(const std::string& binary, int repeats, double seconds) {
  constexpr FanoutShape kShape{.rooms = 100, .members = 2, .window = 4, .pairs = true};
  std::vector<double> rate;
  std::vector<double> cpu;
  std::vector<double> busy;
  for (int i = 0; i < repeats; ++i) {
    FanoutShape shape = kShape;
    shape.warm_up_s = warm_up_of(seconds);
    shape.seconds = seconds;
    const FanoutFigures run = run_fanout(binary, shape);
    fmt::print("  run {}: {:.1f} k/s, {:.2f} us ({:.0f}% busy)\n", i + 1,
               run.deliveries_per_s / 1000, run.cpu_us_per_delivery, run.server_busy * 100);
    std::fflush(stdout);
    rate.push_back(run.deliveries_per_s / 1000);
    cpu.push_back(run.cpu_us_per_delivery);
    busy.push_back(run.server_busy);
  }
  fmt::print("pairs, {} 1:1s, {} in flight each, acked, durable log on: {} k/s, {} us CPU each\n",
             kShape.rooms, kShape.window, shown(spread_of(rate)), shown(spread_of(cpu)));
  figure("pairs_per_s", spread_of(rate).median * 1000);
  figure("pairs_cpu_us", spread_of(cpu).median);
  figure("pairs_busy", spread_of(busy).low);
}

void report_acks(const std::string& binary, SteadyShape shape) {
  shape.measured = Measured::kAcks;
  shape.warm_up_s = warm_up_of(shape.seconds);
  const SteadyFigures run = run_steady(binary, shape);
  const char* const cores = shape.cores == Cores::kOne ? "one core" : "all cores";
  fmt::print("acks at {:.0f} a second, client ids: {}, server on {} ({:.0f}% busy): {}\n",
             shape.per_second, name_of(shape.ids), cores, run.server_busy * 100, shown(run.took));
  figures("acks_", run.took);
  figure("acks_busy", run.server_busy);
}

void report_delivery(const std::string& binary, double per_second, double seconds) {
  SteadyShape shape{.measured = Measured::kDeliveries, .per_second = per_second};
  shape.rooms = 5;
  shape.members = 100;
  shape.warm_up_s = warm_up_of(seconds);
  shape.seconds = seconds;
  const SteadyFigures run = run_steady(binary, shape);
  fmt::print("deliveries to rooms of {}, {:.0f} messages a second (server {:.0f}% busy): {}\n",
             shape.members, per_second, run.server_busy * 100, shown(run.took));
  figures("delivery_", run.took);
  figure("delivery_busy", run.server_busy);
}

void report_history(const std::string& binary, const std::string& store, Pages pages,
                    double seconds) {
  constexpr int kAskers = 8;
  const HistoryFigures run =
      run_history(binary, store, pages, kAskers, warm_up_of(seconds), seconds);
  const char* const name = pages == Pages::kNewest ? "newest" : "anywhere";
  fmt::print(
      "pages of 50 through REST, {}, {} at a time: {:.0f} a second (server {:.0f}% busy), {}\n",
      name, kAskers, run.pages_per_s, run.server_busy * 100, shown(run.took));
  figure("history_per_s", run.pages_per_s);
  figure("history_busy", run.server_busy);
}

}  // namespace loadgen
