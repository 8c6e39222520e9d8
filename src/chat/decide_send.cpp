// Sending a text, in the fixed order idempotency, membership, next sequence: otherwise a resend
// would be refused although its message stands (architecture.md, "Cluster").
#include "chat/fingerprint.hpp"
#include "chat/outcome.hpp"
#include "chat/turn.hpp"
#include "chat/visibility.hpp"

namespace maru::chat {
namespace {

using Lookup = WorkingState::Lookup;

// The record of an earlier try, or null.
Result<RecordPtr> find_first_try(const SendMessage& command, Lookup lookup, Turn& turn) {
  if (!command.client_msg_id) return nullptr;
  return turn.state.find_sent(command.chat, command.from, *command.client_msg_id, lookup);
}

struct Seat {
  const ChatState* state;
  const Member* sender;
};

// The chat and the sender in it, if `from` may write to it.
Result<Seat> load_seat(const SendMessage& command, Turn& turn) {
  const auto state = turn.state.find_chat(command.chat);
  if (!state) return std::unexpected(state.error());
  if (!*state) return no_such_chat();
  const Chat& chat = (*state)->chat;
  const Member* sender = find_member(**state, command.from);
  if (auto allowed = may_write(chat, sender != nullptr); !allowed) {
    return std::unexpected(std::move(allowed.error()));
  }
  // A deleted user has left every group, but stays in its 1:1s for the other's sake.
  if (sender->ended) return fail(ErrorCode::kUnauthenticated, "The user has been deleted.");
  return Seat{*state, sender};
}

Record text_record(const Seat& seat, const SendMessage& command, Turn& turn) {
  const ChatState& state = *seat.state;
  Record record =
      next_record(state, *seat.sender, text_as_sent(command.content, command.client_msg_id), turn);
  if (state.chat.is_personal) {
    for (const Member& member : state.members) {
      if (member.user == command.from) continue;
      record.to = member.user;
      record.to_name = member.user_name;
    }
  }
  if (!seat.sender->accepted) record.last_effect = record.sequence;
  return record;
}

}  // namespace

Reply decide(const SendMessage& command, Turn& turn) {
  auto first = find_first_try(command, Lookup::kIfLikely, turn);
  if (!first) return std::unexpected(std::move(first.error()));
  if (*first) return answer_resend(command, std::move(*first));

  const auto seat = load_seat(command, turn);
  if (!seat) {
    // Nothing will be appended, so the store's unique key cannot speak up: ask it.
    first = find_first_try(command, Lookup::kCertainly, turn);
    if (!first) return std::unexpected(std::move(first.error()));
    if (*first) return answer_resend(command, std::move(*first));
    return std::unexpected(seat.error());
  }

  if (auto room = admit_write(command.from, turn); !room) {
    return std::unexpected(std::move(room.error()));
  }
  return Sent{append(text_record(*seat, command, turn), turn), false};
}

}  // namespace maru::chat
