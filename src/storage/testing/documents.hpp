// Small documents named by number, as the stores' tests need them.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "chat/fingerprint.hpp"
#include "chat/ports/change.hpp"
#include "chat/ports/snapshot.hpp"
#include "text/text.hpp"

namespace maru::storage_testing {

// ---------------------------------------------------------------------------

template <class Id>
Id make_id(std::uint32_t number) {
  typename Id::Bytes bytes{};
  for (int i = 0; i < 4; ++i) bytes[11 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  bytes[0] = 0x65;
  return Id(bytes);
}

inline TokenHash make_token(std::uint32_t number) {
  TokenHash token{};
  std::memcpy(token.data(), &number, sizeof number);
  return token;
}

inline chat::UserInserted make_user(std::uint32_t number, std::string name) {
  chat::User user;
  user.id = make_id<UserId>(number);
  user.name = name;
  user.type = chat::AccountType::kAccount;
  user.password_hash = "$argon2id$" + std::to_string(number);
  user.created_at = {1000 + number};
  user.updated_at = {2000 + number};
  return {user, text::fold_name(name)};
}

inline chat::SessionOpened make_session(std::uint32_t number, std::uint32_t user,
                                        WallTime used = {5000}) {
  return {{make_id<SessionId>(number),
           make_id<UserId>(user),
           make_token(number),
           {4000},
           used,
           "agent " + std::to_string(number)}};
}

inline chat::ChatInserted make_chat(std::uint32_t number, std::vector<std::uint32_t> users,
                                    bool personal = false) {
  chat::ChatInserted change;
  change.chat.id = make_id<ChatId>(number);
  change.chat.number = {number};
  change.chat.name = "chat " + std::to_string(number);
  change.chat.is_personal = personal;
  change.chat.owner = make_id<UserId>(users.front());
  change.chat.created_at = {10'000 + number};
  change.chat.updated_at = {10'000 + number};
  change.caller = *change.chat.owner;
  for (const std::uint32_t user : users) {
    change.members.push_back({make_id<UserId>(user), "", chat::Role::kMember, {0}});
  }
  change.members.front().role = chat::Role::kOwner;
  return change;
}

inline chat::RecordAppended make_text(std::uint32_t chat, std::uint64_t sequence,
                                      std::uint32_t from, std::uint64_t text_count,
                                      std::optional<std::string> client_msg_id = std::nullopt,
                                      std::uint64_t last_effect = 0) {
  auto record = std::make_shared<chat::Record>();
  record->id = make_id<RecordId>(static_cast<std::uint32_t>(chat * 100'000 + sequence));
  record->chat = make_id<ChatId>(chat);
  record->chat_number = {chat};
  record->sequence = {sequence};
  record->actor = make_id<UserId>(from);
  record->last_effect = {last_effect};
  record->body = chat::text_as_sent("text " + std::to_string(sequence), std::move(client_msg_id));
  record->text_count = text_count;
  record->created_at = {100'000 + static_cast<std::int64_t>(sequence)};
  return {record};
}

// Nobody: 0.
inline std::optional<UserId> maybe_user(std::uint32_t number) {
  if (number == 0) return std::nullopt;
  return make_id<UserId>(number);
}

inline chat::MemberJoined joined(std::uint32_t subject, std::uint32_t member_count,
                                 std::uint32_t owner = 1, chat::Role role = chat::Role::kMember) {
  return {{make_id<UserId>(subject), maybe_user(owner), false, member_count}, role};
}

inline chat::MemberLeft left(std::uint32_t subject, std::uint32_t member_count,
                             std::uint32_t owner = 1, std::uint32_t promoted = 0) {
  return {{make_id<UserId>(subject), maybe_user(owner), owner == 0, member_count},
          maybe_user(promoted)};
}

inline chat::RecordAppended make_system(std::uint32_t chat, std::uint64_t sequence,
                                        chat::RecordBody body, std::uint64_t text_count) {
  auto record = std::make_shared<chat::Record>();
  record->id = make_id<RecordId>(static_cast<std::uint32_t>(chat * 100'000 + sequence));
  record->chat = make_id<ChatId>(chat);
  record->chat_number = {chat};
  record->sequence = {sequence};
  record->last_effect = {sequence};
  record->body = std::move(body);
  record->actor = chat::system_of(*record)->subject;
  record->text_count = text_count;
  record->created_at = {100'000 + static_cast<std::int64_t>(sequence)};
  return {record};
}

// The same record, which changes more than its chat's head.
inline chat::RecordAppended with_effect(const chat::RecordAppended& change) {
  auto record = std::make_shared<chat::Record>(*change.record);
  record->last_effect = record->sequence;
  return {record};
}

inline std::vector<std::uint64_t> sequences(const std::vector<chat::RecordPtr>& records) {
  std::vector<std::uint64_t> numbers;
  for (const chat::RecordPtr& record : records) numbers.push_back(record->sequence.value);
  return numbers;
}

inline std::vector<std::string> names(const std::vector<chat::UserBrief>& users) {
  std::vector<std::string> found;
  for (const chat::UserBrief& user : users) found.push_back(user.name);
  return found;
}

inline std::vector<std::int64_t> numbers(const std::vector<chat::ChatDocument>& chats) {
  std::vector<std::int64_t> found;
  for (const chat::ChatDocument& document : chats) found.push_back(document.chat.number.value);
  return found;
}

}  // namespace maru::storage_testing
