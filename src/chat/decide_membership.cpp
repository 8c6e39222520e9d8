// Joining and leaving a group. Both take a sequence and are told as system messages.
#include "base/limits.hpp"
#include "chat/turn.hpp"

namespace maru::chat {
namespace {

// After the owner has gone: the oldest admin, else the oldest member (product.md, "Lifecycle").
const Member* find_successor(const ChatState& state) {
  for (const Member& member : state.members) {
    if (member.role == Role::kAdmin) return &member;
  }
  return state.members.empty() ? nullptr : &state.members.front();
}

void pass_on_ownership(const ChatState& state, Turn& turn) {
  const Member* successor = find_successor(state);
  ChatUpdated update{state.chat.id, std::nullopt, state.members.empty(), turn.stamp.now};
  if (successor) {
    update.owner = successor->user;
    turn.change(MemberRoleSet{state.chat.id, successor->user, Role::kOwner});
  }
  turn.change(update);
}

// The chat as it stands, in a message about `subject`.
SystemBody standing_of(const ChatState& state, UserId subject) {
  return {subject, state.chat.owner, state.chat.archived,
          static_cast<std::uint32_t>(state.members.size())};
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
  Member member{command.user, (*user)->name, takes_over ? Role::kOwner : Role::kMember,
                Sequence{state.head.value + 1}};
  turn.change(MemberAdded{command.chat, member});
  if (takes_over) {
    turn.change(ChatUpdated{command.chat, command.user, false, turn.stamp.now});
  }
  const RecordPtr record = append_system_record(
      state, MemberJoined{standing_of(state, command.user), member.role}, member, turn);
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
  const bool was_owner = state.chat.owner == user;
  turn.change(MemberRemoved{state.chat.id, user});
  if (was_owner || state.members.empty()) pass_on_ownership(state, turn);
  MemberLeft left{standing_of(state, user), {}};
  if (was_owner) left.promoted = state.chat.owner;
  const RecordPtr record = append_system_record(state, left, subject, turn);
  turn.tell(ChatRemoved{{user}, state.chat.id, state.chat.number});
  return record->sequence;
}

}  // namespace maru::chat
