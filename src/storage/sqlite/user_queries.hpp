// Reads users and login sessions. Each connection has its own; throws SqliteError.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "chat/ports/snapshot.hpp"
#include "storage/sqlite/rows.hpp"

namespace maru::sqlite {

class UserQueries {
 public:
  explicit UserQueries(Database& database);

  std::optional<chat::User> find(UserId id);
  std::optional<chat::User> find_by_name(std::string_view folded);  // living users
  std::vector<chat::UserBrief> find_briefs(std::span<const UserId> ids);
  // Names that begin with the query come first, then those that hold it elsewhere; each by name.
  // Reads ≤ 60 index entries a result, whatever the number of users.
  std::vector<chat::UserBrief> search(std::string_view query, std::size_t limit);

  std::optional<chat::SessionUser> find_session(const TokenHash& token);
  std::vector<chat::LoginSession> list_sessions(UserId user);  // oldest first
  std::vector<chat::LoginSession> list_idle_sessions(WallTime idle_since, std::size_t limit);
  std::vector<UserId> list_ending(std::size_t limit);
  std::vector<chat::LoginFailures> list_login_failures(std::size_t limit);  // latest `until` first

 private:
  Statement find_;
  Statement find_by_name_;
  Statement find_brief_;
  Statement find_brief_by_ref_;
  Statement search_names_;
  Statement search_terms_;
  Statement find_session_;
  Statement list_sessions_;
  Statement list_idle_sessions_;
  Statement list_ending_;
  Statement list_login_failures_;
};

}  // namespace maru::sqlite
