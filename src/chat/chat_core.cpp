#include "chat/chat_core.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "chat/turn.hpp"

namespace maru::chat {

Reply ChatCore::decide(const CommandBody& command, const Stamp& stamp, Effects& effects) {
  Turn turn{state_, asked_leaves_, stamp, effects, quotas_};
  return std::visit([&](const auto& one) { return chat::decide(one, turn); }, command);
}

Result<const User*> load_live_user(UserId id, Turn& turn) {
  auto user = turn.state.find_user(id);
  if (!user) return user;
  if (!*user) return fail(ErrorCode::kNotFound, "There is no such user.");
  if ((*user)->deleted_at) return fail(ErrorCode::kUnauthenticated, "The user has been deleted.");
  return user;
}

Result<void> check_chat_count(UserId user, Turn& turn) {
  const auto count = turn.state.find_chat_count_of(user, Entry::kOwn);
  if (!count) return std::unexpected(count.error());
  if (*count < limits::kChatsPerUserMax) return {};
  auto refusal = fail(ErrorCode::kValidationFailed, "The user has made and joined too many chats.");
  refusal.error().fields.push_back({"users", "too_many_chats",
                                    static_cast<std::int64_t>(limits::kChatsPerUserMax),
                                    static_cast<std::int64_t>(*count) + 1});
  return refusal;
}

const Member* find_member(const ChatState& state, UserId user) {
  const auto at = std::ranges::find(state.members, user, &Member::user);
  return at == state.members.end() ? nullptr : &*at;
}

ChatDocument document_of(const ChatState& state) {
  ChatDocument document{state.chat, state.members, {}, state.head};
  if (state.chat.owner) {
    if (const Member* owner = find_member(state, *state.chat.owner)) {
      document.owner_name = owner->user_name;
    }
  }
  return document;
}

RecordPtr append_system_record(const ChatState& state, SystemEvent event, const Member& subject,
                               Turn& turn) {
  auto record = std::make_shared<Record>();
  record->id = turn.stamp.ids.next<RecordId>();
  record->chat = state.chat.id;
  record->chat_number = state.chat.number;
  record->sequence = Sequence{state.head.value + 1};
  record->kind = RecordKind::kSystem;
  record->from_name = "system";
  record->to_name = subject.user_name;
  record->content = event == SystemEvent::kJoin ? "입장" : "퇴장";
  record->system_event = event;
  record->system_subject = subject.user;
  record->member_count = static_cast<std::uint32_t>(state.members.size());
  record->text_count = state.text_count;
  record->created_at = turn.stamp.now;
  turn.change(RecordAppended{record});
  turn.tell(RecordCommitted{record});
  return record;
}

}  // namespace maru::chat
