// Which chats a caller may see, by chat/visibility.hpp; in open mode nothing is private. Reader
// thread.
#pragma once

#include <algorithm>

#include "chat/visibility.hpp"
#include "gateway/rest/flow.hpp"

namespace maru::gateway::rest {

inline bool is_member(const chat::ChatDocument& document, const UserId& user) {
  return std::ranges::any_of(document.members,
                             [&](const chat::Member& member) { return member.user == user; });
}

inline bool may_see(const Call& call, const Caller& caller, const chat::ChatDocument& document) {
  return call.is_open() || chat::may_see(document.chat, is_member(document, caller.user));
}

// The chat if the caller may see it, else kNotFound, never kForbidden. Who its members are is asked
// only where it matters.
inline Result<chat::ChatHeader> find_visible_chat(chat::Snapshot& snapshot, const Call& call,
                                                  const Caller& caller, const ChatId& id) {
  auto found = snapshot.find_chat_header(id);
  if (!found) return std::unexpected(std::move(found.error()));
  if (!*found) return chat::no_such_chat();
  if (!call.is_open() && chat::is_private((*found)->chat)) {
    const auto member = snapshot.is_member(id, caller.user);
    if (!member) return std::unexpected(member.error());
    if (auto seen = chat::may_see((*found)->chat, *member); !seen) {
      return std::unexpected(std::move(seen.error()));
    }
  }
  return std::move(**found);
}

}  // namespace maru::gateway::rest
