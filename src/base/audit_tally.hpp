// Which of the records that a client can cause without end are written, and which are only counted:
// of one event, what and who the first few of a minute, then one record a minute that says how many
// more there were. The log's own (log.hpp, audit_repeated). Any thread; a lock for a look-up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/clock.hpp"

namespace maru::log {

class AuditTally {
 public:
  struct Key {
    std::string event;
    std::string what_name, what;  // "limit", "logins"; empty: the event says all
    std::string who_name, who;    // "network", "192.0.2.1"
    auto operator<=>(const Key&) const = default;
  };
  struct Counted {
    Key key;
    std::uint64_t count = 0;
  };

  // Past `rows_max` keys within a minute the rest of an event and what is counted under one more
  // key, whose who is "others".
  explicit AuditTally(std::size_t rows_max) : rows_max_(rows_max) {}

  // True: it is one of the first `in_full`, to be written as it is. Else it was counted.
  bool take(Key key, unsigned in_full, MonotonicTime now);

  // What was counted in minutes that are over; each minute once.
  std::vector<Counted> collect(MonotonicTime now);
  // The same of minutes that are not over: at the end.
  std::vector<Counted> collect_all();

 private:
  struct Row {
    MonotonicTime since;
    unsigned written = 0;
    std::uint64_t counted = 0;
  };

  const std::size_t rows_max_;
  std::mutex mutex_;
  std::map<Key, Row> rows_;
};

}  // namespace maru::log
