#include "chat/outcome.hpp"

#include <utility>

#include "chat/fingerprint.hpp"
#include "chat/turn.hpp"
#include "chat/visibility.hpp"

namespace maru::chat {
namespace {

using Outcome = StoredOutcome;

// Whose command it is, where it leaves something that lasts.
template <class Body>
const UserId* author(const Body& command) {
  if constexpr (requires { command.author(); }) {
    return &command.author();
  } else {
    return nullptr;
  }
}

// Most that leave something come to a record, and answer with it.
template <class Body>
Reply answer(const Body&, const Outcome& outcome, WorkingState&) {
  if (!outcome.record) return fail(ErrorCode::kInternal, "The command came to nothing.");
  return Sent{outcome.record, false};
}

Reply answer(const SendMessage& command, const Outcome& outcome, WorkingState& state) {
  if (!outcome.record || !command.client_msg_id) {
    return answer<SendMessage>(command, outcome, state);
  }
  return answer_resend(command, outcome.record);
}

Reply answer(const LeaveChat&, const Outcome& outcome, WorkingState&) {
  if (!outcome.record) return Left{};
  return Left{true, outcome.record->sequence};
}

Reply answer(const JoinChat& command, const Outcome& outcome, WorkingState& state) {
  const auto chat = state.find_chat(command.chat);
  if (!chat) return std::unexpected(chat.error());
  if (!*chat) return no_such_chat();
  return Joined{outcome.record ? outcome.record->sequence : Sequence{0}, document_of(**chat)};
}

// Refusals that say nothing about the command itself: the next try may end otherwise; or that
// something is stored under its id already.
bool may_change(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kInternal ||
         code == ErrorCode::kIdempotencyConflict;
}

}  // namespace

std::optional<CommandKey> key_of(const Command& command) {
  const UserId* user = std::visit([](const auto& body) { return author(body); }, command.body);
  if (!user) return std::nullopt;
  return CommandKey{place_of(command.body).chat, *user, name_of(command)};
}

std::optional<OutcomeNoted> noted_of(const CommandKey& key, const Reply& reply,
                                     Sequence seen_head) {
  OutcomeNoted noted{key.chat, key.user, key.command, seen_head, std::nullopt};
  if (reply) {
    if (std::holds_alternative<Sent>(*reply)) return std::nullopt;
    return noted;
  }
  if (may_change(reply.error().code)) return std::nullopt;
  noted.refused = reply.error().code;
  return noted;
}

Reply answer_stored(const CommandBody& command, const StoredOutcome& outcome, WorkingState& state) {
  if (outcome.refused) return fail(*outcome.refused);
  return std::visit([&](const auto& body) { return answer(body, outcome, state); }, command);
}

Reply answer_resend(const SendMessage& command, RecordPtr first) {
  if (text_of(*first)->fingerprint != fingerprint_of(command.content)) {
    return fail(ErrorCode::kIdempotencyConflict,
                "This clientMsgId was used before with another text.");
  }
  return Sent{std::move(first), true};
}

}  // namespace maru::chat
