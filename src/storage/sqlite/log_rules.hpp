// The rules of the logs: every chat's records one by one, in the order of sequence. Part of the
// check (rules.hpp); throws SqliteError.
#pragma once

#include <cstdint>

#include "storage/sqlite/database.hpp"
#include "storage/sqlite/finding.hpp"

namespace maru::sqlite {

// Returns how many records there are.
std::int64_t check_logs(Database& database, const ReportFinding& report);

}  // namespace maru::sqlite
