#include "storage/sqlite/rows.hpp"

#include <array>

namespace maru::sqlite {
namespace {

// xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx, lower case only: another spelling is another id.
constexpr std::size_t kUuidSize = 36;

bool is_hyphen_place(std::size_t i) {
  return i == 8 || i == 13 || i == 18 || i == 23;
}

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

UserId stand_in(Ref user) {
  UserId::Bytes bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes.at(11 - i) = static_cast<std::uint8_t>(user >> (8 * i));
  }
  return UserId(bytes);
}

Ref ref_of_stand_in(const UserId& id) {
  Ref ref = 0;
  for (std::size_t i = 4; i < 12; ++i) ref = ref << 8 | id.bytes().at(i);
  return ref;
}

chat::User read_user(const Rows& rows, int first) {
  chat::User user;
  user.id = rows.id<UserId>(first);
  user.name = rows.text(first + 1);
  user.type = static_cast<chat::AccountType>(rows.integer(first + 2));
  user.password_hash = rows.text(first + 3);
  user.created_at = rows.time(first + 4);
  user.updated_at = rows.time(first + 5);
  user.last_seen_at = rows.optional_time(first + 6);
  user.deleted_at = rows.optional_time(first + 7);
  return user;
}

chat::LoginSession read_session(const Rows& rows, int first, UserId user) {
  chat::LoginSession session;
  session.id = rows.id<SessionId>(first);
  session.user = user;
  session.token = rows.token(first + 1);
  session.created_at = rows.time(first + 2);
  session.last_used_at = rows.time(first + 3);
  session.user_agent = rows.text(first + 4);
  return session;
}

StoredClientId::StoredClientId(std::string_view id) : text_(id) {
  if (id.size() != kUuidSize) return;
  std::size_t digits = 0;
  for (std::size_t i = 0; i < kUuidSize; ++i) {
    if (is_hyphen_place(i)) {
      if (id[i] != '-') return;
      continue;
    }
    const int value = nibble(id[i]);
    if (value < 0) return;
    char& byte = bytes_[digits / 2];
    byte = static_cast<char>(digits % 2 == 0 ? value << 4 : byte | value);
    ++digits;
  }
  packed_ = true;
}

void StoredClientId::unpack(std::string_view bytes, std::string& id) {
  static constexpr char kDigits[] = "0123456789abcdef";
  id.resize(kUuidSize);
  char* out = id.data();
  for (const char c : bytes.substr(0, kPackedBytes)) {
    if (is_hyphen_place(static_cast<std::size_t>(out - id.data()))) *out++ = '-';
    const auto byte = static_cast<unsigned char>(c);
    *out++ = kDigits[byte >> 4];
    *out++ = kDigits[byte & 15];
  }
}

}  // namespace maru::sqlite
