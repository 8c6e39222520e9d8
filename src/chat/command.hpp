// What can be asked of the sequencer, and what it answers. Everything in a command is validated and
// normalised by the edge (text/), but every decision that depends on state is made by ChatCore.
// Values; moved between threads.
//
// A command can travel: it says itself which it is (name_of) and names what it makes (user,
// session, chat). Both are given when it is submitted, never by a decision, so that deciding it
// again sees what it has done before and answers that.
//
// Errors that every command can end in: kUnavailable (nothing happened; may be sent again),
// kUnknown (it may have happened; may be sent again under the same id) and kInternal. A command in
// the name of a user that has been deleted since: kUnauthenticated.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "chat/model.hpp"
#include "chat/record.hpp"

namespace maru::chat {

// Where a command must be decided: by the owner of a chat, whose order it takes part in, or by
// whoever was asked.
struct Place {
  enum Kind : std::uint8_t { kHere, kChat };
  Kind kind = kHere;
  ChatId chat;
};

// ---- the commands ----
//
// Each says where it is decided (kPlace; the chat is its field `chat`). One that leaves something
// in its chat that lasts says by author() whose it is: under its id, what it came to is found again
// (outcome.hpp).

// A session about to be opened: the edge made the token and keeps only its hash.
struct NewSession {
  TokenHash token{};
  std::string user_agent;
  SessionId id;
};

// An account with a password. Errors: kNameTaken. → LoggedIn
struct RegisterUser {
  static constexpr Place::Kind kPlace = Place::kHere;
  std::string name;
  std::string folded_name;
  std::string password_hash;
  NewSession session;
  UserId user;
};

enum class GuestRule : std::uint8_t {
  kNameMustBeFree,    // accounts: the nickname belongs to one session; else kNameTaken. A guest
                      // without a session, of times of open mode, ends and leaves its name
  kSameNameSameUser,  // open: the nickname is the identity; kInvalidCredentials if it has a
                      // password
};
// Login with only a nickname. → LoggedIn
struct OpenGuest {
  static constexpr Place::Kind kPlace = Place::kHere;
  std::string name;
  std::string folded_name;
  GuestRule rule = GuestRule::kNameMustBeFree;
  NewSession session;
  UserId user;  // if there is none of that name
};

// Login whose password the edge has verified against `verified_password_hash`; refused
// (kInvalidCredentials) if the stored hash is another by now. → LoggedIn
struct OpenSession {
  static constexpr Place::Kind kPlace = Place::kHere;
  UserId user;
  std::string verified_password_hash;
  std::string rehashed_password;  // not empty: stored instead (argon2 parameters have changed)
  NewSession session;
};

// Sets or changes a password; a guest becomes an account. Every other session of the user is
// revoked. Errors: kInvalidCredentials as above (empty verified hash: the user must have none),
// kUnauthenticated (`keep` has ended). → Done
struct SetPassword {
  static constexpr Place::Kind kPlace = Place::kHere;
  UserId user;
  SessionId keep;
  std::string verified_password_hash;
  std::string new_password_hash;
};

// Logout and revocation. Sockets of the session are told to close. A guest whose last session ends,
// ends as a deleted account does, unless `keep_guest` (open mode): tombstone name, name free again,
// and its groups are left soon after (endings.hpp). Unknown session: kNotFound. → Done
struct RevokeSession {
  static constexpr Place::Kind kPlace = Place::kHere;
  UserId user;
  SessionId session;
  bool keep_guest = false;
};

// Ends sessions idle since before `idle_since` (bounded per command; sent again while more). → Done
struct ExpireSessions {
  static constexpr Place::Kind kPlace = Place::kHere;
  WallTime idle_since;
  bool keep_guests = false;
};

// Batched, soft: last use of sessions, last seen of users. Unknown ids are skipped. → Done
struct TouchActivity {
  static constexpr Place::Kind kPlace = Place::kHere;
  std::vector<std::pair<SessionId, WallTime>> sessions;
  std::vector<std::pair<UserId, WallTime>> users;
};

// Counters of failed logins as they are from now on; 0 failures: forgotten. → Done
struct NoteLoginFailures {
  static constexpr Place::Kind kPlace = Place::kHere;
  std::vector<LoginFailures> counters;
};

// Forgets the counters whose `until` is before `before`, and all but the `keep_max` latest. → Done
struct ExpireLoginFailures {
  static constexpr Place::Kind kPlace = Place::kHere;
  WallTime before;
  std::size_t keep_max = 0;
};

// A group, or the 1:1 of two users (an existing one is returned; the key means it from then on).
// Members: `users` and the caller, who owns it, from the start, without a system message. Errors:
// kNotFound (field users: an unknown user), kChatFull (> 100 members; one of the users is in too
// many chats), kValidationFailed (a 1:1 that is not the caller and one other; > 1,000 chats of the
// caller's own), kRateLimited (quotas.hpp), kIdempotencyConflict. → ChatCreated
struct CreateChat {
  static constexpr Place::Kind kPlace = Place::kHere;
  UserId caller;
  std::string name;
  bool is_personal = false;
  std::vector<UserId> users;
  std::optional<std::string> idempotency_key;  // unique per caller for 24 h
  ChatId chat;                                 // if there is none yet
};

// Errors: kNotFound (no such chat, or a 1:1 of others), kChatFull, kValidationFailed (> 1,000 chats
// of the user's own). Joining again is fine. Takes back what the user asked with AskLeave. → Joined
struct JoinChat {
  static constexpr Place::Kind kPlace = Place::kChat;
  ChatId chat;
  UserId user;
  [[nodiscard]] const UserId& author() const { return user; }
};

// The user will leave in a moment, with LeaveChat, unless a JoinChat of theirs is decided
// meanwhile. Writes nothing. Errors: kNotFound (no such chat, or a 1:1 of others). → LeaveAsked, or
// Left (left=false): there is nothing to leave, a 1:1 or no membership.
struct AskLeave {
  static constexpr Place::Kind kPlace = Place::kChat;
  ChatId chat;
  UserId user;
};

// Leaving again is fine (left=false). Errors: kNotFound (no such chat, or a 1:1 of others),
// kForbidden (a 1:1 cannot be left). → Left
struct LeaveChat {
  static constexpr Place::Kind kPlace = Place::kChat;
  ChatId chat;
  UserId user;
  // Of AskLeave: nothing happens (left=false) when the user has joined since. 0: leaves anyway.
  std::uint64_t ticket = 0;
  // The user has ended (endings.hpp). A 1:1 is only read anew: left=false.
  bool ended = false;
  [[nodiscard]] const UserId& author() const { return user; }
};

// An ended user is in no group any more. → Done
struct FinishEnding {
  static constexpr Place::Kind kPlace = Place::kHere;
  UserId user;
};

// Errors: kNotFound (no such chat, a 1:1 of others), kNotMember, kIdempotencyConflict,
// kChatArchived. Decided in this order: idempotency, membership and limits, next sequence. → Sent
struct SendMessage {
  static constexpr Place::Kind kPlace = Place::kChat;
  ChatId chat;
  UserId from;
  std::string content;  // clean_message
  std::optional<std::string> client_msg_id;
  [[nodiscard]] const UserId& author() const { return from; }
};

using CommandBody =
    std::variant<RegisterUser, OpenGuest, OpenSession, SetPassword, RevokeSession, ExpireSessions,
                 TouchActivity, NoteLoginFailures, ExpireLoginFailures, CreateChat, JoinChat,
                 AskLeave, LeaveChat, SendMessage, FinishEnding>;

struct LoggedIn {
  User user;
  LoginSession session;
  bool created = false;  // the user is new
};
struct ChatCreated {
  ChatDocument document;
  bool existed = false;  // a 1:1 that was there, or a repeated idempotency key
};
struct Joined {
  Sequence sequence;      // of the join record; 0 if the user was a member already
  ChatDocument document;  // with the user in it
};
struct LeaveAsked {
  std::uint64_t ticket = 0;  // for LeaveChat
};
struct Left {
  bool left = false;  // false: was no member, or has joined since the leave was asked
  Sequence sequence;  // of the leave record
};
struct Sent {
  RecordPtr record;
  bool duplicate = false;
};
struct Done {
  bool more = false;  // ExpireSessions: there is more to do
};

using ReplyBody = std::variant<LoggedIn, ChatCreated, Joined, LeaveAsked, Left, Sent, Done>;
using Reply = Result<ReplyBody>;

// Called exactly once, and only after the outcome is durable; it must not throw. One that names an
// I/O thread is called there, behind the events of its batch, and dropped uncalled if that thread
// has ended. Any other is called on the lane's thread, after those events were published, and must
// not block: it posts.
class ReplyHandler {
 public:
  using Function = std::move_only_function<void(Reply)>;
  static constexpr std::uint32_t kAnyThread = std::numeric_limits<std::uint32_t>::max();

  ReplyHandler() = default;
  ReplyHandler(std::nullptr_t) {}  // NOLINT(google-explicit-constructor): as of a function
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, ReplyHandler> && std::invocable<F&, Reply>)
  ReplyHandler(F&& function)  // NOLINT(google-explicit-constructor): as of a function
      : function_(std::forward<F>(function)) {}
  // `io_thread`: its index.
  ReplyHandler(std::uint32_t io_thread, Function function)
      : function_(std::move(function)), thread_(io_thread) {}

  explicit operator bool() const { return static_cast<bool>(function_); }
  [[nodiscard]] std::uint32_t thread() const { return thread_; }
  void operator()(Reply reply) { function_(std::move(reply)); }

 private:
  Function function_;
  std::uint32_t thread_ = kAnyThread;
};

// A reply on its way to the I/O thread that asked.
struct Answer {
  ReplyHandler handler;
  Reply reply;
};

struct Command {
  CommandBody body;
  ReplyHandler reply;
  CommandId id;              // filled by CommandLog::submit where the client gave none
  bool redelivered = false;  // it may have been decided before: look first
};

// Which command it is, in the name of its user and in its chat: the clientMsgId, or "~" and the 24
// hex digits of its own id, which no client can say. Most are never asked: an id is bytes until
// then.
[[nodiscard]] std::string name_of(const Command& command);
[[nodiscard]] std::string name_of(CommandId id);

[[nodiscard]] Place place_of(const CommandBody& body);

// Gives the command its id and the ids of what it will make, where it has none.
void give_ids(Command& command, IdSource& ids);

}  // namespace maru::chat
