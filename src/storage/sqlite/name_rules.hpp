// The rules of names: readable, and what is derived of them as text/ derives it now. Part of the
// check (rules.hpp); throws SqliteError.
#pragma once

#include "storage/sqlite/database.hpp"
#include "storage/sqlite/finding.hpp"

namespace maru::sqlite {

void check_names(Database& database, const ReportFinding& report);

}  // namespace maru::sqlite
