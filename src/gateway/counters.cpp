#include "gateway/counters.hpp"

#include <algorithm>

namespace maru::gateway {
namespace {

std::size_t status_index(int status) {
  const auto known = std::span(Counters::kStatuses).first<Counters::kStatuses.size() - 1>();
  return static_cast<std::size_t>(std::ranges::find(known, status) - known.begin());
}

template <std::size_t N>
void add(std::array<std::uint64_t, N>& to, const std::array<std::atomic<std::uint64_t>, N>& from) {
  for (std::size_t i = 0; i < N; ++i) to[i] += from[i].load(std::memory_order_relaxed);
}

}  // namespace

void Counters::call_answered(std::size_t operation, int status, std::int64_t microseconds) {
  count(calls_[std::min(operation, kNoOperation)][status_index(status)]);
  const auto bucket = std::ranges::lower_bound(kLatencyBounds, microseconds);
  count(latency_[static_cast<std::size_t>(bucket - kLatencyBounds.begin())]);
  latency_sum_us_.fetch_add(static_cast<std::uint64_t>(std::max<std::int64_t>(microseconds, 0)),
                            std::memory_order_relaxed);
}

void Counters::event_answered(std::size_t operation, std::optional<ErrorCode> refusal) {
  count(events_[std::min(operation, kNoOperation)][outcome_of(refusal)]);
}

Counters::Totals Counters::sum(std::span<const Counters* const> all) {
  Totals totals;
  for (const Counters* const one : all) {
    for (std::size_t i = 0; i < kOperationsMax; ++i) {
      add(totals.calls[i], one->calls_[i]);
      add(totals.events[i], one->events_[i]);
    }
    add(totals.latency, one->latency_);
    totals.latency_sum_us += one->latency_sum_us_.load(std::memory_order_relaxed);
    totals.aborted += one->aborted_.load(std::memory_order_relaxed);
    totals.dropped += one->dropped_.load(std::memory_order_relaxed);
    totals.reads_refused += one->reads_refused_.load(std::memory_order_relaxed);
  }
  return totals;
}

}  // namespace maru::gateway
