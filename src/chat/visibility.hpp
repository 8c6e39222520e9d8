// Who may do what with a chat (product.md, rows F3 and M6): once, for decisions and for both front
// ends. Pure; any thread.
//
// Groups are open: every login sees and joins them, and only members write. A 1:1 is its two
// members' alone, and nobody else must learn that it exists.
#pragma once

#include "base/error.hpp"
#include "chat/model.hpp"

namespace maru::chat {

[[nodiscard]] inline std::unexpected<Error> no_such_chat() {
  return fail(ErrorCode::kNotFound, "There is no such chat.");
}

// Whether it matters for seeing `chat` who is a member of it.
[[nodiscard]] inline bool is_private(const Chat& chat) {
  return chat.is_personal;
}

// Errors: kNotFound. Whoever may see a chat may join it (a 1:1 they are in already).
[[nodiscard]] inline Result<void> may_see(const Chat& chat, bool is_member) {
  if (is_private(chat) && !is_member) return no_such_chat();
  return {};
}

// Errors: kNotFound, kNotMember, kChatArchived.
[[nodiscard]] inline Result<void> may_write(const Chat& chat, bool is_member) {
  if (auto seen = may_see(chat, is_member); !seen) return seen;
  if (!is_member) return fail(ErrorCode::kNotMember, "Only members can write to this chat.");
  if (chat.archived) return fail(ErrorCode::kChatArchived, "The chat is archived.");
  return {};
}

// Of a chat that `is_member` may see. Errors: kForbidden.
[[nodiscard]] inline Result<void> may_leave(const Chat& chat) {
  if (chat.is_personal) return fail(ErrorCode::kForbidden, "A 1:1 cannot be left.");
  return {};
}

}  // namespace maru::chat
