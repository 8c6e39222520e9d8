// What a decision writes: the changes of one batch, in order. Values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "chat/model.hpp"
#include "chat/record.hpp"

namespace maru::chat {

struct UserInserted {
  User user;
  std::string folded_name;
};
struct UserPasswordSet {
  UserId user;
  std::string password_hash;
  AccountType type;
  WallTime updated_at;
};
// Tombstone: the folded name and the search terms go, so that the name is free again, and so do the
// sessions. The user is marked as ending: it may be in groups still.
struct UserEnded {
  UserId user;
  std::string tombstone_name;
  WallTime deleted_at;
};
// The mark goes: the user is in no group any more.
struct EndingFinished {
  UserId user;
};
struct UserSeen {
  UserId user;
  WallTime at;
};
struct SessionOpened {
  LoginSession session;
};
struct SessionTouched {
  SessionId session;
  WallTime at;
};
struct SessionClosed {
  SessionId session;
};
// With an idempotency key, the key's first use is stored too: unique per (caller, key), created_at
// as the chat's.
struct ChatInserted {
  Chat chat;
  std::vector<Member> members;
  std::optional<std::string> idempotency_key;
  UserId caller;
  std::uint64_t idempotency_fingerprint = 0;  // tells another request under the same key
};
// The first use of an idempotency key that found its 1:1 already there; unique as above.
struct ChatKeyUsed {
  UserId caller;
  std::string key;
  ChatId chat;
  std::uint64_t fingerprint = 0;
  WallTime created_at;
};
// The counter is this from now on.
struct QuotaCounted {
  QuotaCount counter;
};
// Forgets counters whose `since` is before that, a bounded number where more are forgotten next
// time.
struct QuotasExpired {
  WallTime before;
};
// The next record of its chat: what it changes is effect_of()'s to say (fold.hpp).
struct RecordAppended {
  RecordPtr record;
  CommandId command;  // whose it is, where its clientMsgId does not say it
};
// What a command of a chat came to that appended no record: it was refused, or there was nothing to
// do. Unique by (chat, user, command), beside those of records. A store whose appends have but two
// outcomes need not keep it; a batch of nothing else is then kCommitted without being written.
struct OutcomeNoted {
  ChatId chat;
  UserId user;
  std::string command;               // name_of(Command)
  Sequence seen_head;                // the chat's, as it was decided on
  std::optional<ErrorCode> refused;  // nothing: it was so already
};
// Forgets idempotency keys of chats created before that, the oldest first: all, or a bounded number
// where more are forgotten with the next one. A new use of a forgotten key is not in its way.
struct IdempotencyExpired {
  WallTime before;
};
// The counter is this from now on; 0 failures: it goes.
struct LoginFailuresNoted {
  LoginFailures counter;
};
// As ExpireLoginFailures.
struct LoginFailuresExpired {
  WallTime before;
  std::size_t keep_max = 0;
};

using Change = std::variant<UserInserted, UserPasswordSet, UserEnded, UserSeen, SessionOpened,
                            SessionTouched, SessionClosed, ChatInserted, RecordAppended,
                            IdempotencyExpired, LoginFailuresNoted, LoginFailuresExpired,
                            ChatKeyUsed, QuotaCounted, QuotasExpired, OutcomeNoted, EndingFinished>;

}  // namespace maru::chat
