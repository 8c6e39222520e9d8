// How rows become values: the column lists that the queries share, and their readers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "chat/model.hpp"
#include "storage/sqlite/database.hpp"

namespace maru::sqlite {

// A row of users or chats, as other tables name it.
using Ref = std::int64_t;

// Stands in for a user's id where nobody needs the real one.
[[nodiscard]] UserId stand_in(Ref user);
[[nodiscard]] Ref ref_of_stand_in(const UserId& id);

#define MARU_USER_COLUMNS                                                               \
  "u.id, u.name, u.type, u.password_hash, u.created_at, u.updated_at, u.last_seen_at, " \
  "u.deleted_at"
inline constexpr int kUserColumns = 8;
[[nodiscard]] chat::User read_user(const Rows& rows, int first_column);

// The owner's id comes from the caller's join.
#define MARU_SESSION_COLUMNS "s.id, s.token, s.created_at, s.last_used_at, s.user_agent"
inline constexpr int kSessionColumns = 5;
[[nodiscard]] chat::LoginSession read_session(const Rows& rows, int first_column, UserId user);

// A client's message id as it is stored: a canonical UUID as its 16 bytes, which makes the largest
// index a third smaller; anything else as text. The two never compare equal.
class StoredClientId {
 public:
  static constexpr std::size_t kPackedBytes = 16;
  explicit StoredClientId(std::string_view id);
  [[nodiscard]] bool is_packed() const { return packed_; }
  [[nodiscard]] std::string_view bytes() const {
    return packed_ ? std::string_view(bytes_, sizeof bytes_) : text_;
  }
  static void unpack(std::string_view bytes, std::string& out);

 private:
  std::string_view text_;  // the caller's
  char bytes_[kPackedBytes];
  bool packed_ = false;
};

}  // namespace maru::sqlite
