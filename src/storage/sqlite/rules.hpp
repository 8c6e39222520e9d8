// What must hold in a store: the quick rules for the tail at start, the whole ones for `maru
// check`. Throws SqliteError.
#pragma once

#include <cstdint>
#include <string>

#include "storage/sqlite/database.hpp"
#include "storage/sqlite/finding.hpp"

namespace maru::sqlite {

// What is wrong with the store's own few numbers, in half a sentence; empty: all is well. A few
// reads, at start and in the check.
[[nodiscard]] std::string check_meta(Database& database);

struct TailCheck {
  std::int64_t records = 0;  // how many were read
  std::string finding;       // empty: all is well
};
// The records after the clean mark, at most the last `records_max`: in each chat as many as from
// its lowest to its highest number, which is its head, the highest text count its text count, each
// with an id, a known kind and a text. That a tail follows on what lies before it, and that texts
// are UTF-8, is for the whole check.
[[nodiscard]] TailCheck check_tail(Database& database, std::int64_t records_max);

struct StoreCounts {
  std::int64_t users = 0;
  std::int64_t chats = 0;
  std::int64_t records = 0;
};
// Every rule over the whole store; reads everything.
StoreCounts check_all(Database& database, const ReportFinding& report);

}  // namespace maru::sqlite
