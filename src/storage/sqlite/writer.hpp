// Applies changes inside the caller's transaction. The sequencer's thread; throws SqliteError and
// ContractError, after which the caller rolls back and calls forget().
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>

#include "chat/fold.hpp"
#include "chat/ports/change.hpp"
#include "storage/sqlite/record_writer.hpp"

namespace maru::sqlite {

class Writer {
 public:
  explicit Writer(Database& database);

  void apply(std::span<const chat::Change> batch);
  // What was learned in a transaction that did not commit may be untrue.
  void forget();

 private:
  void apply_change(const chat::UserInserted& change);
  void apply_change(const chat::UserPasswordSet& change);
  void apply_change(const chat::UserEnded& change);
  void apply_change(const chat::EndingFinished& change);
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
  void apply_change(const chat::OutcomeNoted&) {}  // an append here is whole or nothing

  void insert_chat_row(const chat::ChatInserted& change);
  void insert_created_key(const chat::ChatKeyUsed& change, Ref chat);
  void apply_effect(const chat::Effect& effect, Ref chat);
  void set_standing(const chat::Effect::Standing& standing, Ref chat);
  void add_terms(std::string_view name, Ref user);
  void remove_terms(std::string_view name, Ref user);

  Ref user_ref(const UserId& id);             // throws ContractError if unknown
  Ref find_user(const UserId& id);            // 0 if unknown
  WrittenChat& chat_entry(const ChatId& id);  // throws ContractError if unknown
  WrittenChat* find_chat(const ChatId& id);   // nullptr if unknown

  RecordWriter records_;
  const RefOf ref_of_;
  Statement insert_user_;
  Statement set_password_;
  Statement read_name_;
  Statement end_user_;
  Statement count_rename_;
  Statement end_sessions_;
  Statement finish_ending_;
  Statement see_user_;
  Statement insert_term_;
  Statement delete_term_;
  Statement insert_session_;
  Statement touch_session_;
  Statement close_session_;
  Statement insert_chat_;
  Statement raise_number_;
  Statement add_public_;
  Statement insert_member_;
  Statement delete_member_;
  Statement set_role_;
  Statement read_chat_state_;
  Statement update_chat_;
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
  std::unordered_map<ChatId, WrittenChat> chats_;
};

}  // namespace maru::sqlite
