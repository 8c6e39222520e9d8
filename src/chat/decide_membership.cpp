// Joining and leaving a group. Both take a sequence and are told as system messages.
#include "base/limits.hpp"
#include "chat/turn.hpp"

namespace maru::chat {
namespace {

// After the owner has gone: the oldest admin, else the oldest member (product.md, "Lifecycle").
const Member* find_successor(const ChatState& state, UserId leaver) {
  const Member* oldest = nullptr;
  for (const Member& member : state.members) {
    if (member.user == leaver) continue;
    if (member.role == Role::kAdmin) return &member;
    if (!oldest) oldest = &member;
  }
  return oldest;
}

// A system message that `subject` is the actor of.
RecordPtr append_of(const Member& subject, const ChatState& state, RecordBody body, Turn& turn) {
  Record record = next_record(state, subject, std::move(body), turn);
  record.to_name = subject.user_name;
  record.last_effect = record.sequence;
  return append(std::move(record), turn);
}

// A group as the commands here see it; kNotFound also for a 1:1 of others.
Result<const ChatState*> load_visible_chat(ChatId id, UserId user, Turn& turn) {
  auto state = turn.state.find_chat(id);
  if (!state) return state;
  if (!*state || ((*state)->chat.is_personal && !find_member(**state, user))) {
    return fail(ErrorCode::kNotFound, "There is no such chat.");
  }
  return state;
}

}  // namespace

Reply decide(const JoinChat& command, Turn& turn) {
  const auto found = load_visible_chat(command.chat, command.user, turn);
  if (!found) return std::unexpected(found.error());
  const ChatState& state = **found;
  if (find_member(state, command.user)) {
    turn.asked_leaves.joined(command.chat, command.user);
    return Joined{command.chat, Sequence{0}};
  }

  const auto user = load_live_user(command.user, turn);
  if (!user) return std::unexpected(user.error());
  if (state.members.size() >= limits::kGroupMembersMax) {
    return fail(ErrorCode::kChatFull, "The group has as many members as it may have.");
  }
  if (auto room = check_chat_count(command.user, turn); !room) {
    return std::unexpected(std::move(room.error()));
  }

  if (auto room = admit_write((*user)->type, turn); !room) {
    return std::unexpected(std::move(room.error()));
  }

  // Whoever revives an archived group, or finds one without an owner, owns it.
  const bool takes_over = state.chat.archived || !state.chat.owner;
  MemberJoined joined;
  joined.subject = command.user;
  joined.role = takes_over ? Role::kOwner : Role::kMember;
  joined.owner = takes_over ? command.user : state.chat.owner;
  joined.member_count = static_cast<std::uint32_t>(state.members.size()) + 1;
  const RecordPtr record =
      append_of(Member{command.user, (*user)->name}, state, std::move(joined), turn);
  // After the record, so that the document's head names the place from which on the user listens.
  turn.tell(ChatAdded{{command.user}, document_of(state)});
  turn.asked_leaves.joined(command.chat, command.user);
  return Joined{command.chat, record->sequence};
}

Reply decide(const AskLeave& command, Turn& turn) {
  const auto found = load_visible_chat(command.chat, command.user, turn);
  if (!found) return std::unexpected(found.error());
  const ChatState& state = **found;
  if (state.chat.is_personal || !find_member(state, command.user)) return Left{};
  return LeaveAsked{turn.asked_leaves.ask(command.chat, command.user)};
}

Reply decide(const LeaveChat& command, Turn& turn) {
  const auto found = load_visible_chat(command.chat, command.user, turn);
  if (!found) return std::unexpected(found.error());
  const ChatState& state = **found;
  if (state.chat.is_personal) return fail(ErrorCode::kForbidden, "A 1:1 cannot be left.");
  if (!find_member(state, command.user)) return Left{};
  if (command.ticket != 0 &&
      !turn.asked_leaves.stands(command.chat, command.user, command.ticket)) {
    return Left{};
  }
  return Left{true, leave_group(state, command.user, turn)};
}

Sequence leave_group(const ChatState& state, UserId user, Turn& turn) {
  const Member subject = *find_member(state, user);
  MemberLeft left;
  left.subject = user;
  left.owner = state.chat.owner;
  left.member_count = static_cast<std::uint32_t>(state.members.size()) - 1;
  left.archived = left.member_count == 0;
  if (state.chat.owner == user || left.archived) {
    const Member* successor = find_successor(state, user);
    left.owner = left.promoted = successor ? std::optional(successor->user) : std::nullopt;
  }
  const RecordPtr record = append_of(subject, state, std::move(left), turn);
  turn.tell(ChatRemoved{{user}, state.chat.id, state.chat.number});
  return record->sequence;
}

}  // namespace maru::chat
