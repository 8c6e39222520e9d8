#include "storage/sqlite/count_rules.hpp"

#include <cstdint>
#include <string>

#include "base/limits.hpp"

namespace maru::sqlite {
namespace {

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
     "SELECT count(*) FROM members m JOIN heads h ON h.chat = m.chat WHERE m.joined_at > "
     "h.sequence"},
    {"reference", "login sessions belong to a deleted user",
     "SELECT count(*) FROM sessions WHERE user IN"
     " (SELECT ref FROM users WHERE deleted_at IS NOT NULL)"},
    {"members", "deleted users are in groups, and nobody is to take them out",
     "SELECT count(*) FROM members m JOIN users u ON u.ref = m.user JOIN chats c ON c.ref = m.chat"
     " WHERE u.deleted_at IS NOT NULL AND u.ending = 0 AND c.personal = 0"},
    {"readable", "users are ending who were not deleted",
     "SELECT count(*) FROM users WHERE ending NOT IN (0, 1)"
     " OR (ending = 1 AND deleted_at IS NULL)"},
    {"reference", "groups name a pair of users",
     "SELECT count(*) FROM chats WHERE personal = 0"
     " AND (pair_low IS NOT NULL OR pair_high IS NOT NULL)"},
    {"readable", "users have no known form",
     "SELECT count(*) FROM users WHERE typeof(id) <> 'blob' OR length(id) <> 12"
     " OR typeof(name) <> 'text' OR name = '' OR type NOT IN (0, 1)"
     " OR typeof(password_hash) <> 'text'"},
    {"readable", "login sessions have no known form",
     "SELECT count(*) FROM sessions WHERE typeof(id) <> 'blob' OR length(id) <> 12"
     " OR typeof(token) <> 'blob' OR length(token) <> 32 OR typeof(user_agent) <> 'text'"},
    {"readable", "chats have no known form",
     "SELECT count(*) FROM chats WHERE typeof(id) <> 'blob' OR length(id) <> 12"
     " OR typeof(name) <> 'text' OR name = '' OR typeof(number) <> 'integer'"
     " OR personal NOT IN (0, 1) OR archived NOT IN (0, 1)"},
    {"readable", "members have no known role",
     "SELECT count(*) FROM members WHERE role NOT IN (0, 1, 2)"},
    {"readable", "members have no known way of entry",
     "SELECT count(*) FROM members WHERE entry NOT IN (0, 1, 2) OR accepted NOT IN (0, 1)"},
    {"reference", "quotas belong to no user",
     "SELECT count(*) FROM quotas WHERE user NOT IN (SELECT ref FROM users)"},
    {"members", "chats have an owner who is no member",
     "SELECT count(*) FROM chats c WHERE owner IS NOT NULL AND NOT EXISTS"
     " (SELECT 1 FROM members m WHERE m.chat = c.ref AND m.user = c.owner)"},
    {"members", "chats have more members than a group may have",
     "SELECT count(*) FROM (SELECT chat FROM members GROUP BY chat HAVING count(*) > 100)"},
    {"members", "1:1 chats have other members than their pair",
     "SELECT count(*) FROM chats c WHERE personal = 1 AND ("
     "(SELECT count(*) FROM members m WHERE m.chat = c.ref) <> 2 OR"
     " (SELECT count(*) FROM members m WHERE m.chat = c.ref"
     " AND m.user IN (c.pair_low, c.pair_high)) <> 2)"},
    {"members", "groups are open without a member",
     "SELECT count(*) FROM chats c WHERE personal = 0 AND archived = 0 AND NOT EXISTS"
     " (SELECT 1 FROM members m WHERE m.chat = c.ref)"},
    {"unique", "records have the id of another one",
     "SELECT count(id) - count(DISTINCT id) FROM records"},
    {"number", "room numbers are above the last one given",
     "SELECT count(*) FROM chats WHERE number < 1 OR number >"
     " coalesce((SELECT value FROM meta WHERE name = 'last_number'), 0)"},
    {"total", "total is not the number of public groups",
     "SELECT 1 WHERE (SELECT value FROM meta WHERE name = 'public_groups') IS NOT"
     " (SELECT count(*) FROM chats WHERE personal = 0 AND archived = 0)"},
    {"number", "clean mark lies behind the last record",
     "SELECT 1 WHERE (SELECT value FROM meta WHERE name = 'clean_mark') >"
     " (SELECT coalesce(max(ref), 0) FROM records)"},
};

static_assert(limits::kGroupMembersMax == 100, "a rule above says so, too");

}  // namespace

void check_counts(Database& database, const ReportFinding& report) {
  for (const CountRule& rule : kCountRules) {
    const std::int64_t broken = database.query_integer(rule.sql);
    if (broken > 0) report(rule.rule, std::to_string(broken) + " " + rule.what + ".");
  }
}

}  // namespace maru::sqlite
