// The ports of the chat: what it needs from the outside, without knowing what is there.
//
//   CommandLog    carries commands to the chat's owner            (gateway → sequencer)
//   Store         the write side of the log                      (sequencer's thread)
//   QueryPool     the read side: snapshots                       (reader threads)
//   EventBus      carries events to every node                   (sequencer → bus)
//   EventSink     receives them on a node                        (bus → fanout)
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "chat/command.hpp"
#include "chat/event.hpp"
#include "chat/fold.hpp"
#include "chat/model.hpp"
#include "chat/room.hpp"

namespace maru::chat {

class CommandLog {
 public:
  virtual ~CommandLog() = default;
  // Any thread, never blocks. False: the log is full or closing; `command` is untouched and its
  // caller answers kOverloaded. True: the reply handler will be called exactly once.
  [[nodiscard]] virtual bool submit(Command&& command) = 0;
};

// ---- writing ----

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
// Tombstone: the folded name and the search terms go, so that the name is free again.
struct UserEnded {
  UserId user;
  std::string tombstone_name;
  WallTime deleted_at;
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
                            ChatKeyUsed, QuotaCounted, QuotasExpired>;

// What an append came to, when not OK:
//   kUnavailable           nothing was written (full disk, locked file); the batch may be retried
//   kIdempotencyConflict   a unique key was hit: nothing was written; reload and decide again
// A failed fsync or a corrupt database never returns: the process stops, because a retry may lie.
//
// Owner: the sequencer's thread; blocks on the disk. Loads see everything that was appended.
class Store {
 public:
  virtual ~Store() = default;

  // In order, in one transaction; returns after it is durable.
  [[nodiscard]] virtual Result<void> append(std::span<const Change> batch) = 0;

  [[nodiscard]] virtual Result<std::optional<ChatState>> load_chat(ChatId id) = 0;
  [[nodiscard]] virtual Result<std::optional<ChatId>> load_personal_chat(UserId a, UserId b) = 0;
  [[nodiscard]] virtual Result<std::optional<User>> load_user(UserId id) = 0;
  [[nodiscard]] virtual Result<std::optional<User>> load_user_by_name(std::string_view folded) = 0;
  [[nodiscard]] virtual Result<std::vector<LoginSession>> load_sessions(UserId user) = 0;
  [[nodiscard]] virtual Result<std::vector<LoginSession>> load_idle_sessions(WallTime idle_since,
                                                                             std::size_t limit) = 0;
  [[nodiscard]] virtual Result<std::vector<ChatId>> load_chats_of(UserId user) = 0;
  // Memberships of that kind.
  [[nodiscard]] virtual Result<std::size_t> load_chat_count_of(UserId user, Entry entry) = 0;
  // How `user` and another one share chats: at all, and one that the other has accepted.
  struct Sharing {
    bool any = false;
    bool accepted = false;
    bool operator==(const Sharing&) const = default;
  };
  // One for each of `others`, in their order.
  [[nodiscard]] virtual Result<std::vector<Sharing>> load_sharing(
      UserId user, std::span<const UserId> others) = 0;
  [[nodiscard]] virtual Result<std::optional<QuotaCount>> load_quota(UserId user,
                                                                     QuotaKind kind) = 0;
  // By (chat, sender, clientMsgId), for ever.
  [[nodiscard]] virtual Result<RecordPtr> load_by_client_msg_id(
      ChatId chat, UserId from,
      std::string_view id) = 0;  // or null
  struct CreatedUnderKey {
    ChatId chat;
    std::uint64_t fingerprint = 0;
  };
  [[nodiscard]] virtual Result<std::optional<CreatedUnderKey>> load_created_under_key(
      UserId caller, std::string_view key, WallTime not_before) = 0;
  // The highest room number ever given; 0 if none.
  [[nodiscard]] virtual Result<ChatNumber> load_last_number() = 0;

  // How much room there is for more; asked before each batch is decided, so it is cheap.
  [[nodiscard]] virtual Room room(MonotonicTime /*now*/) { return Room::kPlenty; }

  // Called when the replies and events of a batch have gone out: the time for work that is due
  // under load too (SQLite: a checkpoint). Nobody waits for an answer that is durable already, and
  // the next batch gathers meanwhile. May block on the disk, briefly.
  virtual void after_release() {}
  // Called when the sequencer has nothing to do, at most every few hundred milliseconds: the time
  // for housekeeping that would delay a batch (SQLite: checkpoints). May block on the disk,
  // briefly.
  virtual void idle(MonotonicTime /*now*/) {}
};

// ---- reading ----

struct UserBrief {
  UserId id;
  std::string name;
};

struct SessionUser {
  LoginSession session;
  User user;
};

struct ChatPage {
  std::vector<ChatDocument> chats;
  std::uint64_t total = 0;
};

struct MyChat {
  ChatDocument document;
  RecordPtr last;  // null if there is no record yet
};
struct MyChatPage {
  std::vector<MyChat> chats;
  std::optional<std::string> cursor;  // opaque; nothing: that was the last page
};

// A chat without its members: what a read needs to see whether and up to where it may.
struct ChatHeader {
  Chat chat;
  Sequence head;  // 0: no record yet
};

struct Membership {
  ChatId chat;
  Role role = Role::kMember;
};
struct MembershipPage {
  std::vector<Membership> chats;
  std::optional<std::string> cursor;  // opaque; nothing: that was the last page
};

enum class RecordRange : std::uint8_t {
  kNewest,  // the newest `limit`
  kBefore,  // the newest `limit` with sequence < anchor
  kAfter,   // the oldest `limit` with sequence > anchor
  kAround,  // about half on each side of anchor, anchor included
};

// One consistent view of the store. Reader thread only; ends with the call that got it. Blocks on
// the disk. Errors: kUnavailable.
class Snapshot {
 public:
  virtual ~Snapshot() = default;

  // Rows of the store looked at since this view began: what the reading cost.
  [[nodiscard]] virtual std::uint64_t rows_read() const { return 0; }

  // Sessions past their idle expiry are the caller's to refuse (last_used_at).
  virtual Result<std::optional<SessionUser>> find_session(const TokenHash& token) = 0;
  virtual Result<std::vector<LoginSession>> list_sessions(UserId user) = 0;
  virtual Result<std::optional<User>> find_user(UserId id) = 0;
  virtual Result<std::optional<User>> find_user_by_name(std::string_view folded) = 0;
  virtual Result<std::vector<UserBrief>> find_users(std::span<const UserId> ids) = 0;
  // `query` is text::name_search_query's; any part of a name. Deleted users are not found.
  virtual Result<std::vector<UserBrief>> search_users(std::string_view query,
                                                      std::size_t limit) = 0;

  // The latest `until` first.
  virtual Result<std::vector<LoginFailures>> load_login_failures(std::size_t limit) = 0;

  virtual Result<std::optional<ChatDocument>> find_chat(ChatId id) = 0;
  virtual Result<std::optional<ChatHeader>> find_chat_header(ChatId id) = 0;
  virtual Result<std::optional<ChatDocument>> find_chat_by_number(ChatNumber number) = 0;
  virtual Result<bool> is_member(ChatId chat, UserId user) = 0;
  // Those of `others` who share a chat with `user` (presence).
  virtual Result<std::vector<UserId>> filter_sharing_chat(UserId user,
                                                          std::span<const UserId> others) = 0;
  // Newest first; page counts from 1. Archived groups are left out.
  virtual Result<ChatPage> list_public_groups(std::size_t page, std::size_t limit) = 0;
  virtual Result<ChatPage> list_personal_chats(UserId user, std::size_t page,
                                               std::size_t limit) = 0;
  // Newest first, at most `limit`.
  virtual Result<std::vector<ChatDocument>> list_group_chats(UserId user, std::size_t limit) = 0;
  // In the order of chat id; `cursor` is an earlier page's.
  virtual Result<MyChatPage> list_my_chats(UserId user, std::string_view cursor,
                                           std::size_t limit) = 0;
  // The same chats in the same order, without their documents. Either call takes the other's
  // cursor.
  virtual Result<MembershipPage> list_memberships(UserId user, std::string_view cursor,
                                                  std::size_t limit) = 0;

  virtual Result<Sequence> head(ChatId chat) = 0;  // 0: no record or no chat
  // Ascending.
  virtual Result<std::vector<RecordPtr>> read_records(ChatId chat, RecordRange range,
                                                      Sequence anchor, std::size_t limit) = 0;
  // The same records one by one, ascending. The record is the visitor's for the call only.
  using RecordVisitor = std::function<void(const Record& record)>;
  virtual Result<void> visit_records(ChatId chat, RecordRange range, Sequence anchor,
                                     std::size_t limit, const RecordVisitor& visit) {
    const auto records = read_records(chat, range, anchor, limit);
    if (!records) return std::unexpected(records.error());
    for (const RecordPtr& record : *records) visit(*record);
    return {};
  }
};

// What waits for what: a query that reads much never keeps an urgent one waiting behind it.
enum class Lane : std::uint8_t {
  kUrgent,  // who somebody is, connecting, joining, sending, revocation: few rows each
  kBulk,    // lists, search, history, `sync`: as many rows as the answer is long
};
inline constexpr std::size_t kLaneCount = 2;

// Runs tasks on the reader threads, each with a fresh snapshot.
class QueryPool {
 public:
  virtual ~QueryPool() = default;
  using Query = std::move_only_function<void(Snapshot&)>;
  // Any thread, never blocks. False: the lane is full or closed; the caller answers kOverloaded.
  // The query must answer the thread that asked by posting to it; it must not throw. It may be
  // dropped unrun when the server stops: what it owns then says so to whoever asked.
  [[nodiscard]] virtual bool post(Lane lane, Query&& query) = 0;
};

// ---- events ----

class EventSink {
 public:
  virtual ~EventSink() = default;
  // In stream order of each chat, every event durable. May block for an I/O thread's mailbox, never
  // for a client.
  virtual void on_events(std::span<const Event> events) = 0;
};

class EventBus {
 public:
  virtual ~EventBus() = default;
  // Sequencer's thread, after the append returned OK.
  virtual void publish(std::vector<Event>&& events) = 0;
};

}  // namespace maru::chat
