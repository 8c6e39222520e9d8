// What must hold in a store: the quick rules for the tail at start, the whole ones for `maru
// check`. Throws SqliteError.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "storage/sqlite/database.hpp"

namespace maru::sqlite {

struct TailCheck {
  std::int64_t records = 0;  // how many were read
  std::string finding;       // empty: all is well
};
// The records after the clean mark, at most the last `records_max`: dense in their chat, up to its
// head, with its text count, readable.
[[nodiscard]] TailCheck check_tail(Database& database, std::int64_t records_max);

struct StoreCounts {
  std::int64_t users = 0;
  std::int64_t chats = 0;
  std::int64_t records = 0;
};
// `rule` is a stable word, `detail` a sentence with ids.
using ReportFinding = std::function<void(std::string rule, std::string detail)>;
// Every rule over the whole store; reads everything.
StoreCounts check_all(Database& database, const ReportFinding& report);

}  // namespace maru::sqlite
