// A Store in memory that fails when told to. Tests only.
//
// It keeps the port's contract to the letter: an append is all or nothing, its unique keys are
// those of the real stores (names, session ids, room numbers, the pair of a 1:1, (chat, sequence),
// (chat, sender, clientMsgId), (caller, idempotency key)), and what only a bug of the caller can
// produce (a gap, a change of something that is not there) is noted in violations().
//
// One thread at a time, but for set_full() and set_room(), which any thread may call.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "chat/ports/store.hpp"

namespace maru::chat::testing {

enum class AppendFault {
  kNone,
  kUnavailable,       // nothing is written
  kConflict,          // nothing is written, as if a unique key had been hit
  kUnavailableAfter,  // written, yet reported as not: what a lost answer of a remote store is
  kGivenUp,           // nothing is written, but nobody knows
  kGivenUpAfter,      // written, but nobody knows
};

class FakeStore final : public Store {
 public:
  // ---- faults ----
  // Asked before every append; `number` counts appends from 1.
  using Faults = std::function<AppendFault(std::size_t number, std::span<const Change> batch)>;
  void set_faults(Faults faults) { faults_ = std::move(faults); }
  void fail_append(std::size_t number, AppendFault fault);
  // As a full disk: appends end in kUnavailable, loads work.
  void set_full(bool full) { full_.store(full); }
  void set_room(Room room) { room_.store(room); }
  [[nodiscard]] Room room(MonotonicTime /*now*/) override { return room_.load(); }
  void set_batch_max(std::size_t changes) { batch_max_ = changes; }
  // As a store whose appends can end in the unknown; without it OutcomeNoted is skipped.
  void keep_outcomes() { keeps_outcomes_ = true; }
  // The next `count` loads after `skip` good ones end in kUnavailable.
  void fail_loads(std::size_t count, std::size_t skip = 0);

  // Called at every after_release().
  void set_after_release(std::function<void()> observer) { after_release_ = std::move(observer); }

  // ---- inspection ----
  [[nodiscard]] std::size_t appends() const { return appends_; }  // asked for, failed ones too
  [[nodiscard]] std::size_t loads() const { return loads_; }
  [[nodiscard]] std::size_t idles() const { return idles_.load(); }
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  [[nodiscard]] const std::vector<RecordPtr>& records(ChatId chat) const;
  [[nodiscard]] bool has_record(const Record& record) const;
  [[nodiscard]] const std::map<ChatId, ChatState>& chats() const { return chats_; }
  [[nodiscard]] const std::map<UserId, User>& users() const { return users_; }
  [[nodiscard]] const std::map<std::string, UserId>& names() const { return names_; }
  [[nodiscard]] const std::map<SessionId, LoginSession>& sessions() const { return sessions_; }
  [[nodiscard]] const std::map<UserId, bool>& ending() const { return ending_; }

  [[nodiscard]] std::vector<LoginFailures> login_failures() const;  // the latest `until` first

  // ---- Store ----
  [[nodiscard]] std::size_t batch_max() const override { return batch_max_; }
  [[nodiscard]] Appended append(std::span<const Change> batch) override;
  [[nodiscard]] Result<std::optional<ChatState>> load_chat(ChatId id) override;
  [[nodiscard]] Result<std::optional<ChatId>> load_personal_chat(UserId a, UserId b) override;
  [[nodiscard]] Result<std::optional<User>> load_user(UserId id) override;
  [[nodiscard]] Result<std::optional<User>> load_user_by_name(std::string_view folded) override;
  [[nodiscard]] Result<std::vector<LoginSession>> load_sessions(UserId user) override;
  [[nodiscard]] Result<std::vector<LoginSession>> load_idle_sessions(WallTime idle_since,
                                                                     std::size_t limit) override;
  [[nodiscard]] Result<std::size_t> load_chat_count_of(UserId user, Entry entry) override;
  [[nodiscard]] Result<std::vector<Sharing>> load_sharing(UserId user,
                                                          std::span<const UserId> others) override;
  [[nodiscard]] Result<std::optional<QuotaCount>> load_quota(UserId user, QuotaKind kind) override;
  [[nodiscard]] Result<RecordPtr> load_by_client_msg_id(ChatId chat, UserId from,
                                                        std::string_view id) override;
  [[nodiscard]] Result<std::vector<std::optional<StoredOutcome>>> find_outcomes(
      std::span<const CommandKey> keys) override;
  [[nodiscard]] Result<std::optional<CreatedUnderKey>> load_created_under_key(
      UserId caller, std::string_view key, WallTime not_before) override;
  [[nodiscard]] Result<ChatNumber> load_last_number() override;
  void after_release() override {
    if (after_release_) after_release_();
  }
  void idle(MonotonicTime now) override;

 private:
  struct StoredKey {
    ChatId chat;
    std::uint64_t fingerprint;
    WallTime created_at;
  };
  using SentKey = std::tuple<ChatId, UserId, std::string>;

  void check_effect(const ChatState& state, const Record& record);

  // False: a unique key was hit.
  [[nodiscard]] bool write(const UserInserted& change);
  [[nodiscard]] bool write(const UserPasswordSet& change);
  [[nodiscard]] bool write(const UserEnded& change);
  [[nodiscard]] bool write(const UserSeen& change);
  [[nodiscard]] bool write(const SessionOpened& change);
  [[nodiscard]] bool write(const SessionTouched& change);
  [[nodiscard]] bool write(const SessionClosed& change);
  [[nodiscard]] bool write(const ChatInserted& change);
  [[nodiscard]] bool write(const ChatKeyUsed& change);
  [[nodiscard]] bool write(const RecordAppended& change);
  [[nodiscard]] bool write(const IdempotencyExpired& change);
  [[nodiscard]] bool write(const LoginFailuresNoted& change);
  [[nodiscard]] bool write(const LoginFailuresExpired& change);
  [[nodiscard]] bool write(const QuotaCounted& change);
  [[nodiscard]] bool write(const QuotasExpired& change);
  [[nodiscard]] bool write(const OutcomeNoted& change);
  [[nodiscard]] bool write(const EndingFinished& change);

  // Remembers how `map[key]` was, to restore it if the batch fails.
  template <class Map>
  void save(Map& map, const typename Map::key_type& key);
  // The value to change, saved first; null and a violation if it is not there.
  template <class Map>
  typename Map::mapped_type* edit(Map& map, const typename Map::key_type& key, const char* what);
  void undo();
  [[nodiscard]] AppendFault next_fault(std::span<const Change> batch);
  [[nodiscard]] bool load_fails();

  std::map<UserId, User> users_;
  std::map<std::string, UserId> names_;
  std::map<SessionId, LoginSession> sessions_;
  std::map<UserId, bool> ending_;  // always true
  std::map<ChatId, ChatState> chats_;
  std::map<std::int64_t, ChatId> numbers_;
  std::map<std::pair<UserId, UserId>, ChatId> pairs_;
  std::map<ChatId, std::vector<RecordPtr>> records_;
  std::map<SentKey, RecordPtr> sent_;
  std::map<SentKey, StoredOutcome> outcomes_;  // of commands that `sent_` does not tell
  bool keeps_outcomes_ = false;
  std::map<std::pair<UserId, std::string>, StoredKey> keys_;
  std::map<LoginKey, LoginFailures> login_failures_;
  std::map<std::pair<UserId, QuotaKind>, QuotaCount> quotas_;

  std::vector<std::function<void()>> undo_;
  std::vector<std::string> violations_;
  Faults faults_;
  std::function<void()> after_release_;
  std::map<std::size_t, AppendFault> planned_;
  std::atomic<bool> full_{false};
  std::atomic<Room> room_{Room::kPlenty};
  std::atomic<std::size_t> idles_{0};
  std::size_t batch_max_ = 4'096;
  std::size_t appends_ = 0;
  std::size_t loads_ = 0;
  std::size_t load_faults_ = 0;
  std::size_t load_faults_skip_ = 0;
};

}  // namespace maru::chat::testing
