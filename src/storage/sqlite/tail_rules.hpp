// What must hold of the newest records, read at start.
#pragma once

#include <cstdint>
#include <string>

#include "storage/sqlite/database.hpp"

namespace maru::sqlite {

struct TailCheck {
  std::int64_t records = 0;  // how many were read
  std::string finding;       // empty: all is well
};
// The records after the clean mark, at most the last `records_max`: each follows on the one of its
// chat before it, the last is its chat's head, and each has an id, a known kind and a body. That
// texts are UTF-8, and what records say, is for the whole check. Throws SqliteError.
[[nodiscard]] TailCheck check_tail(Database& database, std::int64_t records_max);

}  // namespace maru::sqlite
