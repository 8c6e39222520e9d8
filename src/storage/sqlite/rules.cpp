#include "storage/sqlite/rules.hpp"

#include <algorithm>
#include <utility>

#include "storage/sqlite/count_rules.hpp"
#include "storage/sqlite/log_rules.hpp"
#include "storage/sqlite/name_rules.hpp"
#include "storage/sqlite/schema.hpp"

namespace maru::sqlite {
namespace {

std::string chat_name(std::int64_t number) {
  return "chat " + std::to_string(number);
}

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

TailCheck check_tail(Database& database, std::int64_t records_max) {
  const std::int64_t last = database.query_integer("SELECT coalesce(max(ref), 0) FROM records");
  const std::int64_t mark = read_meta(database, kMetaCleanMark);
  if (mark > last) return {0, "records that were there at the last orderly moment are missing"};
  const std::int64_t after = std::max(mark, last - records_max);
  // By rowid: the planner would rather group the whole table by its index than sort the tail.
  Statement statement(
      database,
      "SELECT c.number, t.records FROM (SELECT chat, count(*) AS records, min(sequence) AS low,"
      " max(sequence) AS high, max(text_count) AS texts, sum(typeof(content) <> 'text'"
      " OR length(id) <> 12 OR kind NOT IN (0, 1, 2)) AS unreadable FROM records NOT INDEXED WHERE "
      "ref > ?1"
      " GROUP BY chat) t LEFT JOIN chats c ON c.ref = t.chat LEFT JOIN heads h ON h.chat = t.chat"
      " WHERE h.head IS NOT t.high OR t.high - t.low + 1 <> t.records"
      " OR h.text_count IS NOT t.texts OR t.unreadable > 0 LIMIT 1");
  Rows rows = statement.query(after);
  if (!rows.next()) return {last - after, {}};
  return {last - after,
          "the newest records of " + chat_name(rows.integer(0)) + " do not agree with its head"};
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
