#include "storage/sqlite/rules.hpp"

#include <algorithm>
#include <string_view>

#include "storage/sqlite/schema.hpp"
#include "text/text.hpp"

namespace maru::sqlite {
namespace {

std::string chat_name(std::int64_t number) {
  return "chat " + std::to_string(number);
}

// Follows one chat's records in the order of sequence.
struct LogWalk {
  std::int64_t chat = 0;
  std::int64_t number = 0;
  std::int64_t last = 0;
  std::int64_t text_count = 0;
  std::int64_t head = 0;
  std::int64_t head_text_count = 0;
};

void end_walk(const LogWalk& walk, const ReportFinding& report) {
  if (walk.chat == 0) return;
  if (walk.last != walk.head) {
    report("head", chat_name(walk.number) + " has records up to " + std::to_string(walk.last) +
                       " but its head is " + std::to_string(walk.head) + ".");
  }
  if (walk.text_count != walk.head_text_count) {
    report("text_count", chat_name(walk.number) + " counts " +
                             std::to_string(walk.head_text_count) + " texts but holds " +
                             std::to_string(walk.text_count) + ".");
  }
}

void check_record(const Rows& rows, LogWalk& walk, const ReportFinding& report) {
  const std::int64_t sequence = rows.integer(3);
  const std::string where =
      chat_name(walk.number) + ", sequence " + std::to_string(sequence) + ": ";
  if (sequence != walk.last + 1) {
    report("dense", where + "follows " + std::to_string(walk.last) + ".");
  }
  walk.last = sequence;
  const std::int64_t kind = rows.integer(4);
  if (kind == 0) ++walk.text_count;
  if (rows.integer(5) != walk.text_count) {
    report("text_count", where + "its running count is " + std::to_string(rows.integer(5)) +
                             ", not " + std::to_string(walk.text_count) + ".");
    walk.text_count = rows.integer(5);
  }
  if (kind < 0 || kind > 2 || rows.blob(6).size() != RecordId::kSize) {
    report("readable", where + "it has no known form.");
  }
  if (rows.is_null(8)) report("reference", where + "its sender or subject is no user.");
  const std::string_view content = rows.text(7);
  if (content.empty() || !text::is_valid_utf8(content)) {
    report("readable", where + "its text is not readable.");
  }
}

std::int64_t check_logs(Database& database, const ReportFinding& report) {
  // The unique index gives the order; sorting the whole table would need its size on disk again.
  Statement all(database,
                "SELECT c.ref, h.head, c.number, r.sequence, r.kind, r.text_count, r.id, r.content,"
                " u.ref, h.text_count FROM chats c LEFT JOIN heads h ON h.chat = c.ref"
                " LEFT JOIN records r INDEXED BY records_by_sequence ON r.chat = c.ref"
                " LEFT JOIN users u ON u.ref = coalesce(r.sender, r.subject)"
                " ORDER BY c.ref, r.sequence");
  std::int64_t records = 0;
  LogWalk walk;
  Rows rows = all.query();
  while (rows.next()) {
    if (rows.integer(0) != walk.chat) {
      end_walk(walk, report);
      walk = {rows.integer(0), rows.integer(2), 0, 0, rows.integer(1), rows.integer(9)};
      if (rows.is_null(1)) report("head", chat_name(walk.number) + " has no head.");
    }
    if (rows.is_null(3)) continue;
    ++records;
    check_record(rows, walk, report);
  }
  end_walk(walk, report);
  return records;
}

struct CountRule {
  const char* rule;
  const char* what;
  const char* sql;  // counts what breaks the rule
};

constexpr CountRule kCountRules[] = {
    {"reference", "records belong to no chat",
     "SELECT count(*) FROM records WHERE chat NOT IN (SELECT ref FROM chats)"},
    {"reference", "members belong to no chat",
     "SELECT count(*) FROM members WHERE chat NOT IN (SELECT ref FROM chats)"},
    {"reference", "members are no users",
     "SELECT count(*) FROM members WHERE user NOT IN (SELECT ref FROM users)"},
    {"reference", "login sessions belong to no user",
     "SELECT count(*) FROM sessions WHERE user NOT IN (SELECT ref FROM users)"},
    {"reference", "search terms belong to no user",
     "SELECT count(*) FROM user_terms WHERE user NOT IN (SELECT ref FROM users)"},
    {"reference", "chats have an owner who is no user",
     "SELECT count(*) FROM chats WHERE owner NOT IN (SELECT ref FROM users)"},
    {"reference", "1:1 chats name no pair of users",
     "SELECT count(*) FROM chats WHERE personal = 1 AND (pair_low IS NULL OR pair_low >= pair_high"
     " OR pair_low NOT IN (SELECT ref FROM users) OR pair_high NOT IN (SELECT ref FROM users))"},
    {"reference", "idempotency keys belong to no chat",
     "SELECT count(*) FROM created_keys WHERE chat NOT IN (SELECT ref FROM chats)"},
    {"head", "heads belong to no chat",
     "SELECT count(*) FROM heads WHERE chat NOT IN (SELECT ref FROM chats)"},
    {"head", "members joined after the head of their chat",
     "SELECT count(*) FROM members m JOIN heads h ON h.chat = m.chat WHERE m.joined_at > h.head"},
    {"number", "room numbers are above the last one given",
     "SELECT count(*) FROM chats WHERE number < 1 OR number >"
     " (SELECT value FROM meta WHERE name = 'last_number')"},
    {"total", "is by how much the total of public groups is off",
     "SELECT abs((SELECT value FROM meta WHERE name = 'public_groups') -"
     " (SELECT count(*) FROM chats WHERE personal = 0 AND archived = 0))"},
};

void check_integrity(Database& database, const ReportFinding& report) {
  Statement statement(database, "PRAGMA integrity_check(20)");
  Rows rows = statement.query();
  while (rows.next()) {
    if (rows.text(0) != "ok") report("integrity", std::string(rows.text(0)));
  }
}

}  // namespace

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
  counts.records = check_logs(database, report);
  for (const CountRule& rule : kCountRules) {
    const std::int64_t broken = database.query_integer(rule.sql);
    if (broken > 0) report(rule.rule, std::to_string(broken) + " " + rule.what + ".");
  }
  return counts;
}

}  // namespace maru::sqlite
