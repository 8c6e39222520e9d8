// What is read of people and their sessions.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "chat/model.hpp"

namespace maru::chat {

struct UserBrief {
  UserId id;
  std::string name;
};

struct SessionUser {
  LoginSession session;
  User user;
};

// Reader thread only, within one snapshot (snapshot.hpp). Blocks on the disk. Errors: kUnavailable.
class UserReads {
 public:
  virtual ~UserReads() = default;

  // Sessions past their idle expiry are the caller's to refuse (last_used_at).
  virtual Result<std::optional<SessionUser>> find_session(const TokenHash& token) = 0;
  virtual Result<std::vector<LoginSession>> list_sessions(UserId user) = 0;
  virtual Result<std::optional<User>> find_user(UserId id) = 0;
  virtual Result<std::optional<User>> find_user_by_name(std::string_view folded) = 0;
  virtual Result<std::vector<UserBrief>> find_users(std::span<const UserId> ids) = 0;
  // `query` is text::name_search_query's; any part of a name. Deleted users are not found.
  virtual Result<std::vector<UserBrief>> search_users(std::string_view query,
                                                      std::size_t limit) = 0;
  // Deleted users who may be in groups still, in no order.
  virtual Result<std::vector<UserId>> list_ending(std::size_t limit) = 0;

  // The latest `until` first.
  virtual Result<std::vector<LoginFailures>> load_login_failures(std::size_t limit) = 0;
};

}  // namespace maru::chat
