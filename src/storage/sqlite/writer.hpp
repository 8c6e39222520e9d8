// Applies changes inside the caller's transaction. The sequencer's thread; throws SqliteError and
// ContractError, after which the caller rolls back and calls forget().
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "chat/ports.hpp"
#include "storage/sqlite/rows.hpp"

namespace maru::sqlite {

class Writer {
 public:
  explicit Writer(Database& database);

  void apply(std::span<const chat::Change> batch);
  // What was learned in a transaction that did not commit may be untrue.
  void forget();

 private:
  // A chat's head moves once a batch, however many records it got.
  struct PendingHead {
    Ref chat = 0;
    std::int64_t before = 0;
    std::int64_t head = 0;
    std::int64_t text_count = 0;
    WallTime updated_at;
  };
  struct CachedChat {
    Ref ref = 0;
    std::uint64_t batch = 0;  // in which `slot` holds
    std::size_t slot = 0;     // of pending_
  };

  void apply_change(const chat::UserInserted& change);
  void apply_change(const chat::UserPasswordSet& change);
  void apply_change(const chat::UserEnded& change);
  void apply_change(const chat::UserSeen& change);
  void apply_change(const chat::SessionOpened& change);
  void apply_change(const chat::SessionTouched& change);
  void apply_change(const chat::SessionClosed& change);
  void apply_change(const chat::ChatInserted& change);
  void apply_change(const chat::ChatKeyUsed& change);
  void apply_change(const chat::RecordAppended& change);
  void apply_change(const chat::IdempotencyExpired& change);
  void apply_change(const chat::LoginFailuresNoted& change);
  void apply_change(const chat::LoginFailuresExpired& change);
  void apply_change(const chat::QuotaCounted& change);
  void apply_change(const chat::QuotasExpired& change);

  void insert_chat_row(const chat::ChatInserted& change);
  void insert_created_key(const chat::ChatKeyUsed& change, Ref chat);
  void insert_text(const chat::Record& record, const chat::Text& text, Ref chat);
  void insert_system(const chat::Record& record, const chat::SystemBody& body, Ref chat);
  void apply_effect(const chat::Effect& effect, Ref chat);
  void set_standing(const chat::Effect::Standing& standing, Ref chat);
  void move_head(const chat::Record& record, CachedChat& chat);
  void write_heads();
  void add_terms(std::string_view name, Ref user);
  void remove_terms(std::string_view name, Ref user);

  Ref user_ref(const UserId& id);            // throws ContractError if unknown
  Ref find_user(const UserId& id);           // 0 if unknown
  CachedChat& chat_entry(const ChatId& id);  // throws ContractError if unknown
  CachedChat* find_chat(const ChatId& id);   // nullptr if unknown

  Database& database_;
  Statement insert_user_;
  Statement set_password_;
  Statement read_name_;
  Statement end_user_;
  Statement end_sessions_;
  Statement see_user_;
  Statement insert_term_;
  Statement delete_term_;
  Statement insert_session_;
  Statement touch_session_;
  Statement close_session_;
  Statement insert_chat_;
  Statement insert_head_;
  Statement raise_number_;
  Statement add_public_;
  Statement insert_member_;
  Statement delete_member_;
  Statement set_role_;
  Statement read_chat_state_;
  Statement update_chat_;
  Statement update_head_;
  Statement insert_text_;
  Statement insert_system_;
  Statement drop_old_key_;
  Statement insert_key_;
  Statement expire_keys_;
  Statement note_failures_;
  Statement forget_failures_;
  Statement expire_failures_;
  Statement cap_failures_;
  Statement accept_;
  Statement count_quota_;
  Statement expire_quotas_;
  Statement find_user_;
  Statement find_chat_;

  std::unordered_map<UserId, Ref> users_;
  std::unordered_map<ChatId, CachedChat> chats_;
  std::vector<PendingHead> pending_;
  std::uint64_t batch_ = 0;
};

}  // namespace maru::sqlite
