#include "gateway/rest/counters.hpp"

#include <algorithm>

#include "gateway/rest/routes.hpp"

namespace maru::gateway::rest {
namespace {

std::size_t status_index(int status) {
  const auto known = std::span(Counters::kStatuses).first<Counters::kStatuses.size() - 1>();
  return static_cast<std::size_t>(std::ranges::find(known, status) - known.begin());
}

std::string status_label(int status) {
  return status == 0 ? "other" : std::to_string(status);
}

std::string seconds(std::int64_t microseconds) {
  std::string text = std::to_string(microseconds / 1'000'000) + '.';
  const std::string fraction = std::to_string(microseconds % 1'000'000);
  return text.append(6 - fraction.size(), '0') + fraction;
}

}  // namespace

void Counters::answered(std::size_t route, int status, std::int64_t microseconds) {
  requests_[std::min(route, kRoutesMax - 1)][status_index(status)].fetch_add(
      1, std::memory_order_relaxed);
  const auto bucket = std::ranges::lower_bound(kLatencyBounds, microseconds);
  latency_[static_cast<std::size_t>(bucket - kLatencyBounds.begin())].fetch_add(
      1, std::memory_order_relaxed);
  latency_sum_us_.fetch_add(static_cast<std::uint64_t>(std::max<std::int64_t>(microseconds, 0)),
                            std::memory_order_relaxed);
}

std::string Counters::prometheus(std::span<const Counters* const> all) {
  const auto sum = [&](auto&& read) {
    std::uint64_t total = 0;
    for (const Counters* counters : all) total += read(*counters).load(std::memory_order_relaxed);
    return total;
  };
  std::string out =
      "# HELP maru_http_requests_total REST requests by method, route and status.\n"
      "# TYPE maru_http_requests_total counter\n";
  for (std::size_t route = 0; route < kRoutesMax; ++route) {
    for (std::size_t status = 0; status < kStatuses.size(); ++status) {
      const std::uint64_t n =
          sum([&](const Counters& c) -> const Counter& { return c.requests_[route][status]; });
      if (n == 0) continue;
      const RouteName name = route_name(route);
      out += "maru_http_requests_total{method=\"";
      out += name.method;
      out += "\",route=\"";
      out += name.path;
      out += "\",status=\"" + status_label(kStatuses[status]) + "\"} " + std::to_string(n) + '\n';
    }
  }
  out +=
      "# HELP maru_http_request_seconds Time from the whole request to its answer.\n"
      "# TYPE maru_http_request_seconds histogram\n";
  std::uint64_t running = 0;
  for (std::size_t i = 0; i <= kLatencyBounds.size(); ++i) {
    running += sum([&](const Counters& c) -> const Counter& { return c.latency_[i]; });
    out += "maru_http_request_seconds_bucket{le=\"";
    out += i < kLatencyBounds.size() ? seconds(kLatencyBounds[i]) : "+Inf";
    out += "\"} " + std::to_string(running) + '\n';
  }
  const std::uint64_t micros =
      sum([](const Counters& c) -> const Counter& { return c.latency_sum_us_; });
  out += "maru_http_request_seconds_sum " + seconds(static_cast<std::int64_t>(micros)) + '\n';
  out += "maru_http_request_seconds_count " + std::to_string(running) + '\n';
  const auto total = [&](const char* name, const char* help, Counter Counters::* counter) {
    out += std::string("# HELP ") + name + ' ' + help + "\n# TYPE " + name + " counter\n" + name +
           ' ' +
           std::to_string(sum([&](const Counters& c) -> const Counter& { return c.*counter; })) +
           '\n';
  };
  total("maru_http_calls_aborted_total", "REST calls given up because the client had gone.",
        &Counters::aborted_);
  total("maru_http_calls_dropped_total", "REST calls that a stop dropped, answered 503.",
        &Counters::dropped_);
  total("maru_reads_refused_total", "Bulk reads refused because too many of one reader waited.",
        &Counters::reads_refused_);
  return out;
}

}  // namespace maru::gateway::rest
