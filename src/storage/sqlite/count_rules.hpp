// The rules that one query each can tell: how many rows break it. Part of the check (rules.hpp);
// throws SqliteError.
#pragma once

#include "storage/sqlite/database.hpp"
#include "storage/sqlite/finding.hpp"

namespace maru::sqlite {

void check_counts(Database& database, const ReportFinding& report);

}  // namespace maru::sqlite
