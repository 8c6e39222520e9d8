#include "storage/sqlite/rules.hpp"

#include <algorithm>
#include <utility>

#include "storage/sqlite/count_rules.hpp"
#include "storage/sqlite/log_rules.hpp"
#include "storage/sqlite/name_rules.hpp"
#include "storage/sqlite/schema.hpp"

namespace maru::sqlite {
namespace {

void check_integrity(Database& database, const ReportFinding& report) {
  Statement statement(database, "PRAGMA integrity_check(20)");
  Rows rows = statement.query();
  while (rows.next()) {
    if (rows.text(0) != "ok") report("integrity", std::string(rows.text(0)));
  }
}

}  // namespace

std::string check_meta(Database& database) {
  constexpr std::pair<const char*, const char*> kRules[] = {
      {"the epoch is missing",
       "SELECT 1 FROM meta WHERE name = 'epoch' AND typeof(value) = 'text' AND length(value) = 24"},
      {"the last room number is missing",
       "SELECT 1 FROM meta WHERE name = 'last_number' AND typeof(value) = 'integer'"},
      {"the last room number is below one that was given",
       "SELECT coalesce(max(number), 0) <= (SELECT value FROM meta WHERE name = 'last_number')"
       " FROM chats"},
      {"the total of public groups is missing",
       "SELECT 1 FROM meta WHERE name = 'public_groups' AND typeof(value) = 'integer'"},
      {"the clean mark is missing",
       "SELECT 1 FROM meta WHERE name = 'clean_mark' AND typeof(value) = 'integer'"},
  };
  for (const auto& [finding, holds] : kRules) {
    if (database.query_integer(holds) == 0) return finding;
  }
  return {};
}

StoreCounts check_all(Database& database, const ReportFinding& report) {
  check_integrity(database, report);
  StoreCounts counts;
  counts.users = database.query_integer("SELECT count(*) FROM users");
  counts.chats = database.query_integer("SELECT count(*) FROM chats");
  if (const std::string finding = check_meta(database); !finding.empty()) {
    report("meta", "In the store " + finding + ".");
  }
  counts.records = check_logs(database, report);
  check_counts(database, report);
  check_names(database, report);
  return counts;
}

}  // namespace maru::sqlite
