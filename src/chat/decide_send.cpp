// Sending a text, in the fixed order idempotency, membership, next sequence: otherwise a resend
// would be refused although its message stands (architecture.md, "Cluster").
#include "chat/fingerprint.hpp"
#include "chat/outcome.hpp"
#include "chat/turn.hpp"

namespace maru::chat {
namespace {

using Lookup = WorkingState::Lookup;

// The record of an earlier try, or null.
Result<RecordPtr> find_first_try(const SendMessage& command, Lookup lookup, Turn& turn) {
  if (!command.client_msg_id) return nullptr;
  return turn.state.find_sent(command.chat, command.from, *command.client_msg_id, lookup);
}

Record text_record(const Seat& seat, const SendMessage& command, Turn& turn) {
  Record record = next_written(seat, text_as_sent(command.content, command.client_msg_id), turn);
  if (!seat.member->accepted) record.last_effect = record.sequence;
  return record;
}

}  // namespace

Reply decide(const SendMessage& command, Turn& turn) {
  auto first = find_first_try(command, Lookup::kIfLikely, turn);
  if (!first) return std::unexpected(std::move(first.error()));
  if (*first) return answer_resend(command, std::move(*first));

  const auto seat = load_seat(command.chat, command.from, turn);
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
