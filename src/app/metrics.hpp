// /metrics in Prometheus' text format, made from the counters that each part keeps.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/budgets.hpp"
#include "chat/lane_counters.hpp"
#include "fanout/counters.hpp"
#include "gateway/counters.hpp"
#include "gateway/identity/hasher.hpp"
#include "net/io_thread.hpp"
#include "storage/sqlite/disk_space.hpp"

namespace maru::app {

struct MetricsSources {
  std::vector<const net::NetCounters*> net;  // one an I/O thread; summed
  const chat::LaneCounters* sequencer = nullptr;
  const sqlite::DiskSpace* disk = nullptr;
  std::size_t commands_waiting = 0;
  std::size_t queries_waiting = 0;
  std::size_t bulk_queries_waiting = 0;
  const fanout::Counters* fanout = nullptr;
  std::size_t deliveries_waiting = 0;  // batches, over all I/O threads
  const Budgets* budgets = nullptr;
  const gateway::Hasher::Counters* hasher = nullptr;
  std::size_t log_bytes_max = 0;
  std::vector<const gateway::Counters*> gateway;  // of all front ends; summed
};

// Any thread; the counters are atomics.
std::string metrics_text(const MetricsSources& sources);

}  // namespace maru::app
