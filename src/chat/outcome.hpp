// What a chat's command has come to before: how one that may have been decided already is answered
// instead of being decided twice. Pure; internal to chat/.
#pragma once

#include <optional>

#include "chat/command.hpp"
#include "chat/ports/store.hpp"
#include "chat/working_state.hpp"

namespace maru::chat {

// Under which a store finds what the command came to. Nothing: it is of no chat, or leaves nothing
// behind that lasts.
[[nodiscard]] std::optional<CommandKey> key_of(const Command& command);

// What is to be kept of a decision that appended no record. Nothing: it answered with a record of
// before, or may be decided anew.
[[nodiscard]] std::optional<OutcomeNoted> noted_of(const CommandKey& key, const Reply& reply,
                                                   Sequence seen_head);

// The answer that the command got, or would have got. Reads the chat. Errors: kUnavailable, and
// those of the command.
[[nodiscard]] Reply answer_stored(const CommandBody& command, const StoredOutcome& outcome,
                                  WorkingState& state);

// `first` is what was sent under the same id. Errors: kIdempotencyConflict, it was another text.
[[nodiscard]] Reply answer_resend(const SendMessage& command, RecordPtr first);

}  // namespace maru::chat
