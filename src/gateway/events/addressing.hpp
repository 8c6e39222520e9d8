// Which chat an event means, and as whom: joinRoom and leaveRoom. (Who may name whom:
// gateway/identity/who.hpp.)
#pragma once

#include "base/error.hpp"
#include "base/id.hpp"
#include "chat/ports/snapshot.hpp"
#include "gateway/events/event_call.hpp"
#include "gateway/events/payloads.hpp"
#include "gateway/tasks/task.hpp"

namespace maru::gateway {

struct Addressed {
  UserId user;  // as named: known to be somebody only where a look was taken
  ChatId chat;
};

// Reader thread. Errors: kNotFound for a number that was never given.
[[nodiscard]] Result<ChatId> resolve_chat(chat::Snapshot& snapshot, const ChatRef& chat);

// Who and which chat, under the rate of those who come and go. It takes a look into the store only
// where there is but a number or a name: nothing is attached by number, and no rate counted by
// name.
Task<Result<Addressed>> address(EventCall& call, const Asks& asks, const ChatRef& chat);

}  // namespace maru::gateway
