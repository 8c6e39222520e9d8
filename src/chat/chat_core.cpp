#include "chat/chat_core.hpp"

#include <algorithm>
#include <span>

#include "base/limits.hpp"
#include "chat/turn.hpp"
#include "chat/visibility.hpp"

namespace maru::chat {

namespace {

// With its row, and the entries of indexes that grow with it.
constexpr std::uint64_t kRowBytes = 150;
constexpr std::uint64_t kMemberBytes = 60;

std::uint64_t bytes_of(const Change& change) {
  if (const auto* appended = std::get_if<RecordAppended>(&change)) {
    const Record& record = *appended->record;
    const bool adds_member = std::holds_alternative<MemberJoined>(record.body);
    return kRowBytes + content_of(record).size() + (adds_member ? kMemberBytes : 0);
  }
  if (const auto* inserted = std::get_if<ChatInserted>(&change)) {
    return kRowBytes + inserted->chat.name.size() + kMemberBytes * inserted->members.size();
  }
  const bool adds_row =
      std::holds_alternative<UserInserted>(change) || std::holds_alternative<SessionOpened>(change);
  return adds_row ? kRowBytes : 0;
}

}  // namespace

Reply ChatCore::decide(const CommandBody& command, const Stamp& stamp, Effects& effects) {
  Turn turn{state_, asked_leaves_, stamp, effects, quotas_};
  const std::size_t before = effects.changes.size();
  Reply reply = std::visit([&](const auto& one) { return chat::decide(one, turn); }, command);
  if (!turn.writer) return reply;
  auto& bytes = effects.bytes.at(static_cast<std::size_t>(*turn.writer));
  for (const Change& change : std::span(effects.changes).subspan(before)) bytes += bytes_of(change);
  return reply;
}

Result<void> admit_write(AccountType type, Turn& turn) {
  const Room least = type == AccountType::kGuest ? Room::kShort : Room::kNone;
  if (turn.stamp.room >= least) {
    return fail(ErrorCode::kUnavailable, "The disk of the server is nearly full.");
  }
  turn.writer = type;
  return {};
}

Result<void> admit_write(UserId id, Turn& turn) {
  const auto type = turn.state.find_type(id);
  if (!type) return std::unexpected(type.error());
  return admit_write(*type, turn);
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

ChatDocument document_of(const ChatState& state) {
  ChatDocument document{state.chat, state.members, {}, state.head};
  if (state.chat.owner) {
    if (const Member* owner = find_member(state, *state.chat.owner)) {
      document.owner_name = owner->user_name;
    }
  }
  return document;
}

Record next_record(const ChatState& state, const Member& actor, RecordBody body, Turn& turn) {
  Record record;
  record.id = turn.stamp.ids.next<RecordId>();
  record.chat = state.chat.id;
  record.chat_number = state.chat.number;
  record.sequence = Sequence{state.head.value + 1};
  record.actor = actor.user;
  record.actor_name = actor.user_name;
  record.created_at = turn.stamp.now;
  record.body = std::move(body);
  record.text_count = state.text_count + (kind_of(record).counts_as_text ? 1 : 0);
  record.last_effect = state.last_effect;
  return record;
}

Result<Seat> load_seat(ChatId id, UserId user, Turn& turn) {
  const auto state = turn.state.find_chat(id);
  if (!state) return std::unexpected(state.error());
  if (!*state) return no_such_chat();
  const Member* member = find_member(**state, user);
  if (auto allowed = may_write((*state)->chat, member != nullptr); !allowed) {
    return std::unexpected(std::move(allowed.error()));
  }
  // A deleted user has left every group, but stays in its 1:1s for the other's sake.
  if (member->ended) return fail(ErrorCode::kUnauthenticated, "The user has been deleted.");
  return Seat{*state, member};
}

Record next_written(const Seat& seat, RecordBody body, Turn& turn) {
  const ChatState& state = *seat.state;
  Record record = next_record(state, *seat.member, std::move(body), turn);
  if (state.chat.is_personal) {
    for (const Member& member : state.members) {
      if (member.user == seat.member->user) continue;
      record.to = member.user;
      record.to_name = member.user_name;
    }
  }
  return record;
}

RecordPtr append(Record record, Turn& turn) {
  auto appended = std::make_shared<const Record>(std::move(record));
  turn.change(RecordAppended{appended});
  turn.tell(RecordCommitted{appended});
  return appended;
}

}  // namespace maru::chat
