// What is read of chats and memberships.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "chat/model.hpp"
#include "chat/record.hpp"

namespace maru::chat {

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
  Sequence head;         // 0: no record yet
  Sequence last_effect;  // while it stays, so does the document but for head and updated_at
};

struct Membership {
  ChatId chat;
  Role role = Role::kMember;
};
struct MembershipPage {
  std::vector<Membership> chats;
  std::optional<std::string> cursor;  // opaque; nothing: that was the last page
};

// Reader thread only, within one snapshot (snapshot.hpp). Blocks on the disk. Errors: kUnavailable.
class ChatReads {
 public:
  virtual ~ChatReads() = default;

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
};

}  // namespace maru::chat
