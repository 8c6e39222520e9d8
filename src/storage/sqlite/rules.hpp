// What must hold in a store: the few numbers at start, everything for `maru check`. Throws
// SqliteError.
#pragma once

#include <cstdint>
#include <string>

#include "storage/sqlite/database.hpp"
#include "storage/sqlite/finding.hpp"

namespace maru::sqlite {

// What is wrong with the store's own few numbers, in half a sentence; empty: all is well. A few
// reads, at start and in the check.
[[nodiscard]] std::string check_meta(Database& database);

struct StoreCounts {
  std::int64_t users = 0;
  std::int64_t chats = 0;
  std::int64_t records = 0;
};
// Every rule over the whole store; reads everything.
StoreCounts check_all(Database& database, const ReportFinding& report);

}  // namespace maru::sqlite
