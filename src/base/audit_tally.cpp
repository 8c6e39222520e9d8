#include "base/audit_tally.hpp"

#include <limits>
#include <utility>

#include "base/memory.hpp"

namespace maru::log {
namespace {

constexpr std::int64_t kMinuteMs = 60'000;
constexpr unsigned kAllWritten = std::numeric_limits<unsigned>::max();

}  // namespace

bool AuditTally::take(Key key, unsigned in_full, MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  auto row = rows_.find(key);
  if (row == rows_.end()) {
    if (rows_.size() >= rows_max_) key.who = "others";
    row = rows_.try_emplace(std::move(key), Row{now, 0, 0}).first;
  }
  Row& tally = row->second;
  const bool is_over = now.ms - tally.since.ms >= kMinuteMs;
  // A minute in which something was counted ends with collect().
  if (is_over && tally.counted == 0) tally = Row{now, 0, 0};
  if (tally.written < in_full) {
    ++tally.written;
    return true;
  }
  ++tally.counted;
  return false;
}

std::vector<AuditTally::Counted> AuditTally::collect(MonotonicTime now) {
  std::vector<Counted> counted;
  const std::lock_guard lock(mutex_);
  const memory::Impatience impatience;
  for (auto row = rows_.begin(); row != rows_.end();) {
    Row& tally = row->second;
    if (now.ms - tally.since.ms < kMinuteMs) {
      ++row;
    } else if (tally.counted == 0) {
      row = rows_.erase(row);
    } else {
      counted.push_back({row->first, tally.counted});
      // While it goes on, its minutes are one record each.
      tally = Row{now, kAllWritten, 0};
      ++row;
    }
  }
  return counted;
}

std::vector<AuditTally::Counted> AuditTally::collect_all() {
  return collect({std::numeric_limits<std::int64_t>::max()});
}

}  // namespace maru::log
