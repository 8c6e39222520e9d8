// What ChatCore decides on: the store's state with the open batch's changes on top.
//
// Chats stay cached between batches (bounded, least recently used first), and of users what they
// are: guest or account. Everything else is read when a command needs it and kept to the end of the
// batch: users most of all, whom others may change. Nothing is evicted while a
// batch is open, so a change that is not yet durable can neither be lost nor read back stale from
// the store.
//
// Owner: the sequencer's thread. find_ and load_ block on the store where the cache has no answer;
// their error is kUnavailable. Pointers are valid until commit() or rollback().
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "chat/lru_cache.hpp"
#include "chat/ports/store.hpp"
#include "chat/recent_set.hpp"
#include "chat/sent_filter.hpp"

namespace maru::chat {

struct CacheLimits {
  std::size_t users_max = 50'000;  // whose type is remembered
  // A chat weighs its members + 4, about 100 bytes a unit.
  std::size_t chat_weight_max = 500'000;
  // Sends that are remembered as lately stored: see SentFilter.
  std::size_t sent_max = 100'000;
  // So many sends are looked up in the store after a start, when resends are to be expected of
  // anyone.
  std::size_t look_up_sends = 10'000;
  // Senders who resent what was forgotten, at least so many: they are likely to go on, and all of
  // theirs is looked up.
  std::size_t resenders_max = 4'096;
};

class WorkingState {
 public:
  explicit WorkingState(Store& store, CacheLimits limits = {});

  // ---- reading: null or nothing if there is none ----
  [[nodiscard]] Result<const User*> find_user(UserId id);
  // Of a user who is none: a guest's. A guest who has become an account elsewhere may be taken for
  // a guest for a while: this decides nothing but who has to wait for disk space first.
  [[nodiscard]] Result<AccountType> find_type(UserId id);
  [[nodiscard]] Result<std::optional<UserId>> find_name(std::string_view folded);
  [[nodiscard]] Result<const std::vector<LoginSession>*> find_sessions(UserId user);
  [[nodiscard]] Result<std::vector<LoginSession>> load_idle_sessions(WallTime idle_since,
                                                                     std::size_t limit);
  [[nodiscard]] Result<const ChatState*> find_chat(ChatId id);
  [[nodiscard]] Result<std::optional<ChatId>> find_personal_chat(UserId a, UserId b);
  [[nodiscard]] Result<std::size_t> find_chat_count_of(UserId user, Entry entry);
  // As the store's. Of the open batch it knows who came, not who has left or accepted.
  [[nodiscard]] Result<std::vector<Store::Sharing>> find_sharing(UserId user,
                                                                 std::span<const UserId> others);
  [[nodiscard]] Result<std::optional<QuotaCount>> find_quota(UserId user, QuotaKind kind);
  [[nodiscard]] Result<std::optional<Store::CreatedUnderKey>> find_created_under_key(
      UserId caller, std::string_view key, WallTime not_before);
  [[nodiscard]] Result<ChatNumber> find_last_number();

  // The first record sent under that id.
  //   kIfLikely   asks the store only where the id may be known: a resend comes soon after its
  //               first try. A miss is no proof; an append under a known id then ends in
  //               Appended::kConflict, and every command of the batch is looked up.
  //   kCertainly  asks the store always: before a refusal is given.
  enum class Lookup { kIfLikely, kCertainly };
  [[nodiscard]] Result<RecordPtr> find_sent(ChatId chat, UserId from, std::string_view id,
                                            Lookup lookup);
  // What is stored of commands that may have been decided before.
  [[nodiscard]] Result<std::vector<std::optional<StoredOutcome>>> find_outcomes(
      std::span<const CommandKey> keys);
  // Of a chat that has been read; else 0.
  [[nodiscard]] Sequence known_head(ChatId chat);
  // How often the store was asked for an id so far.
  [[nodiscard]] std::uint64_t send_looks() const { return send_looks_; }

  // ---- the open batch ----
  // The caller has read what the change touches: a chat, a user, the sessions of a user.
  void apply(const Change& change);
  // What is known of the chat is forgotten at the end of the batch.
  void read_anew(ChatId chat) { read_anew_.push_back(chat); }
  // The batch is durable.
  void commit();
  // Nothing of the batch was written: whatever it touched is forgotten and read again.
  void rollback();

 private:
  struct SentKey {
    ChatId chat;
    UserId from;
    std::string_view id;  // of the record beside it
    bool operator==(const SentKey&) const = default;
  };
  static std::uint64_t hash_of(const SentKey& key);
  struct HashSentKey {
    std::size_t operator()(const SentKey& key) const { return hash_of(key); }
  };
  struct MembershipChange {
    ChatId chat;
    Entry entry;
    bool added;
  };

  void apply_one(const UserInserted& change);
  void apply_one(const UserPasswordSet& change);
  void apply_one(const UserEnded& change);
  void apply_one(const UserSeen& change);
  void apply_one(const SessionOpened& change);
  void apply_one(const SessionTouched& change);
  void apply_one(const SessionClosed& change);
  void apply_one(const ChatInserted& change);
  void apply_one(const RecordAppended& change);
  void apply_one(const IdempotencyExpired&) {}
  void apply_one(const ChatKeyUsed& change);
  void apply_one(const LoginFailuresNoted&) {}
  void apply_one(const LoginFailuresExpired&) {}
  void apply_one(const QuotaCounted& change);
  void apply_one(const QuotasExpired&) {}
  void apply_one(const OutcomeNoted& change);
  void apply_one(const EndingFinished&) {}

  void note_type(const User& user);
  User& touch_user(UserId id);
  ChatState& touch_chat(ChatId id);
  [[nodiscard]] bool is_likely(const SentKey& key);
  void note_found(const SentKey& key);
  void note_memberships(const ChatState& state, const Effect& effect);
  void change_membership(UserId user, const MembershipChange& change);
  void add_new_sharing(ChatId chat, UserId user, UserId other, Store::Sharing& sharing);
  [[nodiscard]] std::span<const MembershipChange> changes_of(UserId user) const;
  void forget_batch();

  Store& store_;
  LruCache<UserId, AccountType> types_;
  LruCache<ChatId, ChatState> chats_;
  std::optional<ChatNumber> last_number_;
  SentFilter sent_lately_;
  RecentSet<UserId> resenders_;
  std::size_t look_up_left_;  // of those after the start
  std::uint64_t send_looks_ = 0;

  // The open batch's own; empty between batches.
  std::unordered_map<UserId, User> users_;
  std::vector<ChatId> touched_chats_;
  std::vector<ChatId> read_anew_;
  std::unordered_map<std::string, UserId> new_names_;
  std::unordered_set<UserId> ended_users_;
  std::unordered_map<UserId, std::vector<LoginSession>> sessions_;
  std::unordered_map<SessionId, UserId> session_users_;
  std::unordered_map<SessionId, WallTime> session_touches_;
  std::map<std::pair<UserId, UserId>, ChatId> new_pairs_;
  std::map<std::pair<UserId, std::string>, Store::CreatedUnderKey> new_keys_;
  std::unordered_map<UserId, std::vector<MembershipChange>> membership_changes_;
  std::map<std::pair<UserId, Entry>, std::size_t> chat_counts_;
  std::map<std::pair<UserId, QuotaKind>, QuotaCount> quotas_;
  std::unordered_map<SentKey, RecordPtr, HashSentKey> sent_;
};

}  // namespace maru::chat
