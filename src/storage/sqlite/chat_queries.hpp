// Reads chats, members and the lists of chats. Each connection has its own; throws SqliteError.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "chat/ports/snapshot.hpp"
#include "chat/ports/store.hpp"
#include "storage/sqlite/record_positions.hpp"

namespace maru::sqlite {

class ChatQueries {
 public:
  explicit ChatQueries(Database& database);

  std::optional<chat::ChatState> load_state(ChatId id);
  std::optional<ChatId> find_personal(UserId a, UserId b);
  std::size_t count_of(UserId user, chat::Entry entry);
  std::vector<chat::Store::Sharing> load_sharing(UserId user, std::span<const UserId> others);
  std::optional<chat::QuotaCount> find_quota(UserId user, chat::QuotaKind kind);
  std::optional<chat::Store::CreatedUnderKey> find_created_under_key(UserId caller,
                                                                     std::string_view key,
                                                                     WallTime not_before);

  std::optional<chat::ChatDocument> find(ChatId id);
  struct Header {
    chat::ChatHeader header;
    ChatKey key;  // for what is read of its records next
  };
  std::optional<Header> find_header(ChatId id);
  std::optional<chat::ChatDocument> find_by_number(ChatNumber number);
  bool is_member(ChatId chat, UserId user);
  std::vector<UserId> filter_sharing(UserId user, std::span<const UserId> others);
  Sequence head(ChatId chat);

  chat::ChatPage list_public_groups(std::size_t page, std::size_t limit);
  chat::ChatPage list_personal(UserId user, std::size_t page, std::size_t limit);
  std::vector<chat::ChatDocument> list_groups(UserId user, std::size_t limit);
  // The documents of the user's chats with id > `after`, in the order of id.
  std::vector<chat::ChatDocument> list_of(UserId user, const ChatId& after, std::size_t limit);
  std::vector<chat::Membership> list_memberships(UserId user, const ChatId& after,
                                                 std::size_t limit);

 private:
  struct Loaded {
    Ref ref = 0;
    chat::ChatDocument document;
    std::uint64_t text_count = 0;
    Sequence last_effect;
  };
  static Loaded read_chat(const Rows& rows);
  std::optional<Loaded> load(ChatId id);
  std::vector<chat::Member> load_members(Ref chat);
  chat::Store::Sharing load_sharing_with(const std::unordered_set<Ref>& mine, UserId other);
  std::vector<chat::ChatDocument> load_documents(std::span<const Ref> refs);

  Statement find_;
  Statement find_header_;
  Statement find_by_number_;
  Statement find_by_ref_;
  Statement list_members_;
  Statement find_personal_;
  Statement list_refs_of_;
  Statement count_of_;
  Statement find_accepted_;
  Statement find_quota_;
  Statement find_created_;
  Statement is_member_;
  Statement head_;
  Statement count_public_;
  Statement list_public_newest_;
  Statement list_public_oldest_;
  Statement count_personal_;
  Statement list_personal_;
  Statement list_groups_;
  Statement list_after_;
  Statement list_memberships_;
};

}  // namespace maru::sqlite
