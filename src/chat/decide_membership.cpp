// Joining and leaving a group. Both take a sequence and are told as system messages.
#include "base/limits.hpp"
#include "chat/membership.hpp"
#include "chat/turn.hpp"
#include "chat/visibility.hpp"

namespace maru::chat {
namespace {

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
  if (!*state) return no_such_chat();
  if (auto seen = may_see((*state)->chat, find_member(**state, user) != nullptr); !seen) {
    return std::unexpected(std::move(seen.error()));
  }
  return state;
}

// System message, successor or archive.
Sequence leave_group(const ChatState& state, UserId user, Turn& turn) {
  const Member subject = *find_member(state, user);
  const RecordPtr record = append_of(subject, state, leaving(state, user), turn);
  turn.tell(ChatRemoved{{user}, state.chat.id, state.chat.number});
  return record->sequence;
}

}  // namespace

Reply decide(const JoinChat& command, Turn& turn) {
  const auto found = load_visible_chat(command.chat, command.user, turn);
  if (!found) return std::unexpected(found.error());
  const ChatState& state = **found;
  if (find_member(state, command.user)) {
    turn.asked_leaves.joined(command.chat, command.user);
    return Joined{Sequence{0}, document_of(state)};
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

  const RecordPtr record =
      append_of(Member{command.user, (*user)->name}, state, joining(state, command.user), turn);
  // After the record, so that the document's head names the place from which on the user listens.
  ChatDocument document = document_of(state);
  turn.tell(ChatAdded{{command.user}, document});
  turn.asked_leaves.joined(command.chat, command.user);
  return Joined{record->sequence, std::move(document)};
}

Reply decide(const AskLeave& command, Turn& turn) {
  const auto found = load_visible_chat(command.chat, command.user, turn);
  if (!found) return std::unexpected(found.error());
  const ChatState& state = **found;
  if (!may_leave(state.chat) || !find_member(state, command.user)) return Left{};
  return LeaveAsked{turn.asked_leaves.ask(command.chat, command.user)};
}

Reply decide(const LeaveChat& command, Turn& turn) {
  const auto found = load_visible_chat(command.chat, command.user, turn);
  if (!found) return std::unexpected(found.error());
  const ChatState& state = **found;
  if (auto allowed = may_leave(state.chat); !allowed) {
    if (command.ended) {
      turn.state.read_anew(command.chat);
      return Left{};
    }
    return std::unexpected(std::move(allowed.error()));
  }
  if (!find_member(state, command.user)) return Left{};
  if (command.ticket != 0 &&
      !turn.asked_leaves.stands(command.chat, command.user, command.ticket)) {
    return Left{};
  }
  return Left{true, leave_group(state, command.user, turn)};
}

}  // namespace maru::chat
