#include "app/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <fstream>
#include <initializer_list>
#include <utility>

#include "base/log.hpp"
#include "base/log_queue.hpp"
#include "base/memory.hpp"
#include "gateway/operations.hpp"
#include "gateway/rest/routes.hpp"

namespace maru::app {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Families = std::vector<MetricFamily>;

void add_value(Families& out, std::string name, std::string help, MetricType type, double value) {
  ClientMetric metric;
  if (type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  family.metric.push_back(std::move(metric));
  out.push_back(std::move(family));
}

// What a histogram's whole numbers are.
enum class Scale : std::uint8_t {
  kCount,
  kMicroseconds,  // shown in seconds; rounded down, so that below 2^b means up to 2^b
};

template <class Histogram>
void add_histogram(Families& out, std::string name, std::string help, const Histogram& histogram,
                   Scale scale) {
  ClientMetric metric;
  std::uint64_t count = 0;
  for (std::size_t width = 0; width < Histogram::kSize; ++width) {
    count += histogram.bucket(width);
    // Bucket b holds values below 2^b; the last also all that are greater.
    if (width + 1 == Histogram::kSize) break;
    const std::uint64_t above = std::uint64_t{1} << width;
    metric.histogram.bucket.push_back({count, scale == Scale::kCount
                                                  ? static_cast<double>(above - 1)
                                                  : static_cast<double>(above) / 1e6});
  }
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum =
      static_cast<double>(histogram.sum()) / (scale == Scale::kCount ? 1.0 : 1e6);
  MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = MetricType::Histogram;
  family.metric.push_back(std::move(metric));
  out.push_back(std::move(family));
}

void add_net(Families& out, const std::vector<const net::NetCounters*>& threads) {
  using Counter = std::atomic<std::uint64_t> net::NetCounters::*;
  struct Row {
    const char* name;
    const char* help;
    MetricType type;
    Counter counter;
  };
  static constexpr Row kRows[] = {
      {"maru_connections_open", "TCP connections of clients", MetricType::Gauge,
       &net::NetCounters::connections_open},
      {"maru_websockets_open", "WebSockets of clients", MetricType::Gauge,
       &net::NetCounters::websockets_open},
      {"maru_connections_accepted_total", "Connections accepted", MetricType::Counter,
       &net::NetCounters::connections_accepted},
      {"maru_connections_refused_total", "Connections over a cap or without a descriptor",
       MetricType::Counter, &net::NetCounters::connections_refused},
      {"maru_accept_pauses_total", "Pauses of a listener for want of any descriptor",
       MetricType::Counter, &net::NetCounters::accept_pauses},
      {"maru_bytes_read_total", "Bytes read from clients", MetricType::Counter,
       &net::NetCounters::bytes_read},
      {"maru_bytes_written_total", "Bytes written to clients", MetricType::Counter,
       &net::NetCounters::bytes_written},
      {"maru_writes_total", "Gathered writes to clients", MetricType::Counter,
       &net::NetCounters::writes},
      {"maru_slow_consumers_total", "WebSockets closed because they read too slowly",
       MetricType::Counter, &net::NetCounters::slow_consumers},
      {"maru_shed_total", "Connections with much unwritten, dropped when memory was short",
       MetricType::Counter, &net::NetCounters::shed},
      {"maru_unread_dropped_total", "HTTP connections dropped because they did not read",
       MetricType::Counter, &net::NetCounters::unread_dropped},
  };
  for (const Row& row : kRows) {
    std::uint64_t sum = 0;
    for (const net::NetCounters* counters : threads) sum += (counters->*row.counter).load();
    add_value(out, row.name, row.help, row.type, static_cast<double>(sum));
  }
}

void add_sequencer(Families& out, const chat::LaneCounters& counters, std::size_t waiting) {
  const auto count = [&](const char* name, const char* help,
                         const std::atomic<std::uint64_t>& value) {
    add_value(out, name, help, MetricType::Counter, static_cast<double>(value.load()));
  };
  count("maru_commands_total", "Commands answered", counters.commands);
  count("maru_records_total", "Records made durable", counters.records);
  count("maru_batches_total", "Batches of commands", counters.batches);
  count("maru_commands_unavailable_total", "Commands refused because the store was",
        counters.unavailable);
  count("maru_append_conflicts_total", "Appends that hit a unique key", counters.conflicts);
  count("maru_send_looks_total", "clientMsgIds that were looked up in the store",
        counters.send_looks);
  count("maru_commands_internal_total", "Commands given up", counters.internal);
  count("maru_chats_over_quota_total", "New chats refused for the quotas of strangers",
        counters.over_quota);
  add_value(out, "maru_commands_waiting", "Commands in the sequencer's mailbox", MetricType::Gauge,
            static_cast<double>(waiting));
  add_histogram(out, "maru_batch_commands", "Commands a batch", counters.batch_commands,
                Scale::kCount);
  add_histogram(out, "maru_append_seconds", "Time to make a batch durable", counters.append_us,
                Scale::kMicroseconds);
}

void add_labelled(Families& out, std::string name, std::string help, MetricType type,
                  const char* label,
                  std::initializer_list<std::pair<const char*, std::uint64_t>> values) {
  MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  for (const auto& [value, count] : values) {
    ClientMetric metric;
    metric.label.push_back({label, value});
    if (type == MetricType::Counter) {
      metric.counter.value = static_cast<double>(count);
    } else {
      metric.gauge.value = static_cast<double>(count);
    }
    family.metric.push_back(std::move(metric));
  }
  out.push_back(std::move(family));
}

void add_disk(Families& out, const sqlite::DiskSpace& disk, const chat::LaneCounters& counters) {
  add_value(out, "maru_disk_free_bytes", "Free space where the messages are kept",
            MetricType::Gauge, static_cast<double>(disk.free_bytes()));
  add_value(out, "maru_disk_reserve_bytes", "Below it guests, below half of it everybody waits",
            MetricType::Gauge, static_cast<double>(disk.reserve_bytes()));
  add_labelled(
      out, "maru_stored_bytes_total", "About what users added to the store", MetricType::Counter,
      "user",
      {{"guest", counters.bytes_by_type[0].load()}, {"account", counters.bytes_by_type[1].load()}});
}

void add_fanout(Families& out, const fanout::Counters& counters, std::size_t waiting) {
  const auto count = [&](const char* name, const char* help,
                         const std::atomic<std::uint64_t>& value) {
    add_value(out, name, help, MetricType::Counter, static_cast<double>(value.load()));
  };
  add_value(out, "maru_deliveries_waiting", "Event batches in the I/O threads' mailboxes",
            MetricType::Gauge, static_cast<double>(waiting));
  count("maru_presence_deferred_total", "Presence sent again because a mailbox was full",
        counters.publishes_full);
  count("maru_held_overflows_total", "Sockets detached because too much was held for them",
        counters.held_overflows);
  count("maru_recoveries_total", "Sockets that went on where they were", counters.recoveries);
  count("maru_recoveries_live_total", "Recoveries whose earlier connection was still open",
        counters.recoveries_live);
  count("maru_recovery_pids_evicted_total", "Pids forgotten before their time",
        counters.pids_evicted);
  add_labelled(out, "maru_recoveries_refused_total", "Recoveries that ended in a fresh socket",
               MetricType::Counter, "reason",
               {{"unknown", counters.refused_unknown.load()},
                {"offset", counters.refused_offset.load()},
                {"gone", counters.refused_gone.load()},
                {"account", counters.refused_account.load()},
                {"other", counters.refused_other.load()}});
}

void add_log(Families& out) {
  const log::DroppedLines dropped = log::dropped_lines();
  add_labelled(
      out, "maru_log_lines_dropped_total",
      "Log lines that nobody read in time, and such that stderr did not take", MetricType::Counter,
      "kind",
      {{"audit", dropped.audit}, {"other", dropped.other}, {"unwritten", dropped.unwritten}});
}

void add_budgets(Families& out, const Budgets& budgets, std::uint64_t log_bytes_max) {
  const Budget& answers = budgets.answer_bytes.total();
  const Budget& posts = budgets.post_bytes.total();
  add_labelled(out, "maru_budget_used", "What the process holds of it now", MetricType::Gauge,
               "budget",
               {{"answer_bytes", answers.used()},
                {"post_bytes", posts.used()},
                {"log_bytes", log::bytes_waiting()}});
  add_labelled(
      out, "maru_budget_max", "The mark at which it sheds", MetricType::Gauge, "budget",
      {{"answer_bytes", answers.max()}, {"post_bytes", posts.max()}, {"log_bytes", log_bytes_max}});
  add_labelled(out, "maru_budget_refused_total", "Refused at the mark", MetricType::Counter,
               "budget", {{"answer_bytes", answers.refused()}, {"post_bytes", posts.refused()}});
}

void add_hasher(Families& out, const gateway::Hasher::Counters& counters) {
  const auto add = [&](const char* name, const char* help, MetricType type, const auto& values) {
    add_labelled(out, name, help, type, "share",
                 {{"strangers", values[0].load()}, {"known", values[1].load()}});
  };
  add("maru_password_hashes_waiting", "Passwords waiting for the hasher or under way",
      MetricType::Gauge, counters.waiting);
  add("maru_password_hashes_total", "Passwords hashed", MetricType::Counter, counters.done);
  add("maru_password_hashes_refused_total", "Passwords that found the hasher's queue full",
      MetricType::Counter, counters.refused);
}

void add_memory(Families& out) {
  add_value(out, "maru_memory_short", "1 while the reserve of memory is used and not whole again",
            MetricType::Gauge, memory::is_short() ? 1 : 0);
  add_value(out, "maru_memory_shortages_total", "How often the reserve of memory was used",
            MetricType::Counter, static_cast<double>(memory::shortages()));
  add_value(out, "maru_out_of_memory_total", "Requests, connections, batches ended for want of it",
            MetricType::Counter, static_cast<double>(memory::failures()));
}

MetricFamily family_of(const char* name, const char* help, MetricType type) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

void add_sample(MetricFamily& family, std::initializer_list<ClientMetric::Label> labels,
                std::uint64_t count) {
  if (count == 0) return;
  ClientMetric metric;
  metric.label = labels;
  metric.counter.value = static_cast<double>(count);
  family.metric.push_back(std::move(metric));
}

void add_calls(Families& out, const gateway::Counters::Totals& totals) {
  using gateway::Counters;
  MetricFamily family =
      family_of("maru_http_requests_total", "REST requests by method, route and status.",
                MetricType::Counter);
  for (std::size_t operation = 0; operation < Counters::kOperationsMax; ++operation) {
    const auto [method, path] = gateway::rest::route_name(operation);
    for (std::size_t i = 0; i < Counters::kStatuses.size(); ++i) {
      const int status = Counters::kStatuses[i];
      add_sample(family,
                 {{"method", std::string(method)},
                  {"route", std::string(path)},
                  {"status", status == 0 ? "other" : std::to_string(status)}},
                 totals.calls[operation][i]);
    }
  }
  out.push_back(std::move(family));
}

void add_events(Families& out, const gateway::Counters::Totals& totals) {
  using gateway::Counters;
  MetricFamily family =
      family_of("maru_events_total", "Events of clients by name and outcome.", MetricType::Counter);
  for (std::size_t operation = 0; operation < Counters::kOperationsMax; ++operation) {
    const std::string name(gateway::event_name(operation));
    add_sample(family, {{"event", name}, {"outcome", "ok"}},
               totals.events[operation][Counters::outcome_of(std::nullopt)]);
    for (int i = 0; i < kErrorCodeCount; ++i) {
      const auto code = static_cast<ErrorCode>(i);
      add_sample(family, {{"event", name}, {"outcome", std::string(to_string(code))}},
                 totals.events[operation][Counters::outcome_of(code)]);
    }
  }
  out.push_back(std::move(family));
}

void add_latency(Families& out, const gateway::Counters::Totals& totals) {
  MetricFamily family =
      family_of("maru_http_request_seconds", "Time from the whole request to its answer.",
                MetricType::Histogram);
  ClientMetric metric;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < totals.latency.size(); ++i) {
    count += totals.latency[i];
    const auto& bounds = gateway::Counters::kLatencyBounds;
    if (i < bounds.size()) {
      metric.histogram.bucket.push_back({count, static_cast<double>(bounds[i]) / 1e6});
    }
  }
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = static_cast<double>(totals.latency_sum_us) / 1e6;
  family.metric.push_back(std::move(metric));
  out.push_back(std::move(family));
}

void add_gateway(Families& out, const gateway::Counters::Totals& totals) {
  add_calls(out, totals);
  add_latency(out, totals);
  add_events(out, totals);
  const auto add = [&](const char* name, const char* help, std::uint64_t value) {
    add_value(out, name, help, MetricType::Counter, static_cast<double>(value));
  };
  add("maru_http_calls_aborted_total", "REST calls given up because the client had gone.",
      totals.aborted);
  add("maru_http_calls_dropped_total", "REST calls that a stop dropped, answered 503.",
      totals.dropped);
  add("maru_reads_refused_total", "Bulk reads refused because too many of one reader waited.",
      totals.reads_refused);
}

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double pages_total = 0;
  double pages_resident = 0;
  statm >> pages_total >> pages_resident;
  return pages_resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace

std::string metrics_text(const MetricsSources& sources) {
  Families families;
  add_net(families, sources.net);
  add_sequencer(families, *sources.sequencer, sources.commands_waiting);
  add_disk(families, *sources.disk, *sources.sequencer);
  add_fanout(families, *sources.fanout, sources.deliveries_waiting);
  add_budgets(families, *sources.budgets, sources.log_bytes_max);
  add_log(families);
  add_memory(families);
  add_hasher(families, *sources.hasher);
  add_value(families, "maru_queries_waiting", "Urgent queries waiting or running",
            MetricType::Gauge, static_cast<double>(sources.queries_waiting));
  add_value(families, "maru_bulk_queries_waiting",
            "Bulk queries waiting, for their reader's turn too, or running", MetricType::Gauge,
            static_cast<double>(sources.bulk_queries_waiting));
  add_value(families, "process_resident_memory_bytes", "Resident memory", MetricType::Gauge,
            resident_bytes());
  add_gateway(families, gateway::Counters::sum(sources.gateway));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace maru::app
