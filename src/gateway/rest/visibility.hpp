// Which chats a caller may see (product.md, rows F3 and M6). Reader thread.
#pragma once

#include <algorithm>

#include "gateway/rest/flow.hpp"

namespace maru::gateway::rest {

inline bool is_member(const chat::ChatDocument& document, const UserId& user) {
  return std::ranges::any_of(document.members,
                             [&](const chat::Member& member) { return member.user == user; });
}

// Public groups are for every login; a 1:1 for its two members. In open mode nothing is private.
inline bool may_see(const Call& call, const Caller& caller, const chat::ChatDocument& document) {
  return call.is_open() || !document.chat.is_personal || is_member(document, caller.user);
}

inline std::unexpected<Error> no_such_chat() {
  return fail(ErrorCode::kNotFound, "There is no such chat.");
}

// The chat if the caller may see it, else kNotFound, never kForbidden. Who its members are is asked
// only where it matters.
inline Result<chat::ChatHeader> find_visible_chat(chat::Snapshot& snapshot, const Call& call,
                                                  const Caller& caller, const ChatId& id) {
  auto found = snapshot.find_chat_header(id);
  if (!found) return std::unexpected(std::move(found.error()));
  if (!*found) return no_such_chat();
  if (!call.is_open() && (*found)->chat.is_personal) {
    const auto member = snapshot.is_member(id, caller.user);
    if (!member) return std::unexpected(member.error());
    if (!*member) return no_such_chat();
  }
  return std::move(**found);
}

}  // namespace maru::gateway::rest
