// What is stored: users, login sessions, chats, members; records have record.hpp. Values; any
// thread.
//
// A chat's creation document and its records are the only truth; everything else about a chat
// (members, head, counts) is a projection of them (fold.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"

namespace maru::chat {

// Names one counter of failed logins: of an account, or of an account from one network. The edge
// makes it; nobody else can tell whose it is.
using LoginKey = std::array<std::uint8_t, 16>;

// Which command it is, where the client gave it no id (command.hpp).
using CommandId = ObjectId<struct CommandIdTag>;

// Logins that failed in a row, and when the next may be tried.
struct LoginFailures {
  LoginKey key{};
  int failures = 0;
  WallTime until;
};

enum class AccountType : std::uint8_t { kGuest, kAccount };
inline constexpr std::size_t kAccountTypes = 2;

struct User {
  UserId id;
  std::string name;  // clean_user_name; a deleted user keeps a tombstone name
  AccountType type = AccountType::kGuest;
  std::string password_hash;  // argon2id string; empty: no password
  WallTime created_at;
  WallTime updated_at;
  std::optional<WallTime> last_seen_at;
  std::optional<WallTime> deleted_at;
};

// An authenticated device.
struct LoginSession {
  SessionId id;
  UserId user;
  TokenHash token{};
  WallTime created_at;
  WallTime last_used_at;   // idle expiry counts from here
  std::string user_agent;  // ≤ 256 bytes, clean
};

struct Chat {
  ChatId id;
  ChatNumber number;
  std::string name;
  bool is_personal = false;  // a 1:1
  bool archived = false;     // its last member left; a join revives it
  std::optional<UserId> owner;
  WallTime created_at;
  WallTime updated_at;
};

enum class Role : std::uint8_t { kMember, kAdmin, kOwner };

// How a member came to be one. Each kind has a bound of its own (limits.hpp).
enum class Entry : std::uint8_t {
  kOwn,         // made or joined it, opened the 1:1
  kPutIn,       // somebody else made the group with them
  kOpenedToMe,  // somebody else opened the 1:1
};

struct Member {
  UserId user;
  std::string user_name;
  Role role = Role::kMember;
  Sequence joined_at;  // 0 for those of the creation document
  Entry entry = Entry::kOwn;
  // They want to be here: came by themselves, or have written. Whom they share such a chat with
  // does not count as a stranger to them.
  bool accepted = true;
  // The user has been deleted, as of when the chat was read. In a group: will soon have left.
  bool ended = false;
};

// How often something was done by or to a user since a moment; in a window of a day (quotas.hpp).
enum class QuotaKind : std::uint8_t {
  kStrangersAdded,      // by the user: people with whom no chat was shared
  kAddedByStrangers,    // to the user: groups that others put them in
  kWrittenByStrangers,  // to the user: 1:1s that others opened; apart, so that groups use up none
};
struct QuotaCount {
  UserId user;
  QuotaKind kind = QuotaKind::kStrangersAdded;
  WallTime since;
  std::uint32_t count = 0;
};

// A chat with its members, as answers and events show it.
struct ChatDocument {
  Chat chat;
  std::vector<Member> members;  // in the order of joining
  std::string owner_name;       // empty if there is no owner
  Sequence head;                // 0: no record yet
};

}  // namespace maru::chat
