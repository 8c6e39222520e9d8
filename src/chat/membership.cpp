#include "chat/membership.hpp"

namespace maru::chat {
namespace {

const Member* find_successor(const ChatState& state, UserId leaver) {
  const Member* oldest = nullptr;
  for (const Member& member : state.members) {
    if (member.user == leaver) continue;
    if (member.role == Role::kAdmin) return &member;
    if (!oldest) oldest = &member;
  }
  return oldest;
}

}  // namespace

MemberJoined joining(const ChatState& state, UserId user) {
  const bool takes_over = state.chat.archived || !state.chat.owner;
  MemberJoined joined;
  joined.subject = user;
  joined.role = takes_over ? Role::kOwner : Role::kMember;
  joined.owner = takes_over ? user : state.chat.owner;
  joined.member_count = static_cast<std::uint32_t>(state.members.size()) + 1;
  return joined;
}

MemberLeft leaving(const ChatState& state, UserId user) {
  MemberLeft left;
  left.subject = user;
  left.owner = state.chat.owner;
  left.member_count = static_cast<std::uint32_t>(state.members.size()) - 1;
  left.archived = left.member_count == 0;
  if (state.chat.owner == user || left.archived) {
    const Member* successor = find_successor(state, user);
    left.owner = left.promoted = successor ? std::optional(successor->user) : std::nullopt;
  }
  return left;
}

}  // namespace maru::chat
