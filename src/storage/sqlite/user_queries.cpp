#include "storage/sqlite/user_queries.hpp"

#include <algorithm>
#include <string>

namespace maru::sqlite {
namespace {

// The smallest text that is greater than every text that begins with `prefix`, which is not empty.
// UTF-8 holds no byte 0xFF, so the last byte has a successor.
std::string prefix_end(std::string_view prefix) {
  std::string end(prefix);
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace

UserQueries::UserQueries(Database& database)
    : find_(database, "SELECT " MARU_USER_COLUMNS " FROM users u WHERE u.id = ?1"),
      find_by_name_(database, "SELECT " MARU_USER_COLUMNS " FROM users u WHERE u.folded_name = ?1"),
      find_brief_(database, "SELECT id, name FROM users WHERE id = ?1"),
      find_brief_by_ref_(database,
                         "SELECT id, name FROM users WHERE ref = ?1 AND deleted_at IS NULL"),
      search_names_(database,
                    "SELECT ref FROM users WHERE search_name >= ?1 AND search_name < ?2"
                    " ORDER BY search_name LIMIT ?3"),
      search_terms_(database,
                    "SELECT user FROM user_terms WHERE term >= ?1 AND term < ?2"
                    " ORDER BY term, user LIMIT ?3"),
      find_session_(database, "SELECT " MARU_USER_COLUMNS ", " MARU_SESSION_COLUMNS
                              " FROM sessions s JOIN users u ON u.ref = s.user WHERE s.token = ?1"),
      list_sessions_(database, "SELECT " MARU_SESSION_COLUMNS
                               " FROM users u JOIN sessions s ON s.user = u.ref WHERE u.id = ?1"
                               " ORDER BY s.created_at, s.ref"),
      list_idle_sessions_(database, "SELECT u.id, " MARU_SESSION_COLUMNS
                                    " FROM sessions s JOIN users u ON u.ref = s.user"
                                    " WHERE s.last_used_at < ?1 ORDER BY s.last_used_at LIMIT ?2"),
      list_ending_(database, "SELECT id FROM users WHERE ending = 1 LIMIT ?1"),
      list_login_failures_(database,
                           "SELECT key, failures, until FROM login_failures"
                           " ORDER BY until DESC LIMIT ?1") {}

std::optional<chat::User> UserQueries::find(UserId id) {
  Rows rows = find_.query(id);
  if (!rows.next()) return std::nullopt;
  return read_user(rows, 0);
}

std::optional<chat::User> UserQueries::find_by_name(std::string_view folded) {
  Rows rows = find_by_name_.query(folded);
  if (!rows.next()) return std::nullopt;
  return read_user(rows, 0);
}

std::vector<chat::UserBrief> UserQueries::find_briefs(std::span<const UserId> ids) {
  std::vector<chat::UserBrief> briefs;
  briefs.reserve(ids.size());
  for (const UserId& id : ids) {
    Rows rows = find_brief_.query(id);
    if (rows.next()) briefs.push_back({rows.id<UserId>(0), std::string(rows.text(1))});
  }
  return briefs;
}

std::vector<chat::UserBrief> UserQueries::search(std::string_view query, std::size_t limit) {
  std::vector<chat::UserBrief> found;
  if (query.empty() || limit == 0) return found;
  const std::string end = prefix_end(query);
  std::vector<Ref> refs;
  {
    Rows rows = search_names_.query(query, std::string_view(end), limit);
    while (rows.next()) refs.push_back(rows.integer(0));
  }
  if (refs.size() < limit) {
    // A user has at most 60 terms, so this many entries hold `limit` users if there are as many.
    constexpr std::size_t kTermsPerUserMax = 60;
    Rows rows = search_terms_.query(query, std::string_view(end), limit * kTermsPerUserMax);
    while (refs.size() < limit && rows.next()) {
      const Ref ref = rows.integer(0);
      if (std::ranges::find(refs, ref) == refs.end()) refs.push_back(ref);
    }
  }
  for (const Ref ref : refs) {
    Rows rows = find_brief_by_ref_.query(ref);
    if (rows.next()) found.push_back({rows.id<UserId>(0), std::string(rows.text(1))});
  }
  return found;
}

std::optional<chat::SessionUser> UserQueries::find_session(const TokenHash& token) {
  Rows rows = find_session_.query(token);
  if (!rows.next()) return std::nullopt;
  chat::SessionUser found;
  found.user = read_user(rows, 0);
  found.session = read_session(rows, kUserColumns, found.user.id);
  return found;
}

std::vector<chat::LoginSession> UserQueries::list_sessions(UserId user) {
  std::vector<chat::LoginSession> sessions;
  Rows rows = list_sessions_.query(user);
  while (rows.next()) sessions.push_back(read_session(rows, 0, user));
  return sessions;
}

std::vector<chat::LoginSession> UserQueries::list_idle_sessions(WallTime idle_since,
                                                                std::size_t limit) {
  std::vector<chat::LoginSession> sessions;
  Rows rows = list_idle_sessions_.query(idle_since, limit);
  while (rows.next()) sessions.push_back(read_session(rows, 1, rows.id<UserId>(0)));
  return sessions;
}

std::vector<UserId> UserQueries::list_ending(std::size_t limit) {
  std::vector<UserId> users;
  Rows rows = list_ending_.query(limit);
  while (rows.next()) users.push_back(rows.id<UserId>(0));
  return users;
}

std::vector<chat::LoginFailures> UserQueries::list_login_failures(std::size_t limit) {
  std::vector<chat::LoginFailures> counters;
  Rows rows = list_login_failures_.query(limit);
  while (rows.next()) {
    counters.push_back({rows.bytes<std::tuple_size_v<chat::LoginKey>>(0),
                        static_cast<int>(rows.integer(1)), rows.time(2)});
  }
  return counters;
}

}  // namespace maru::sqlite
