// Sending a message, whichever way it comes: by REST or by a socket that does not hear the chat.
#pragma once

#include "base/error.hpp"
#include "base/id.hpp"
#include "chat/command.hpp"
#include "chat/ports/snapshot.hpp"
#include "gateway/fields.hpp"
#include "gateway/request.hpp"

namespace maru::gateway {

struct Sending {
  UserId from;
  ChatId chat;
  bool is_member = false;
};

// Reader thread. That the chat is there is not looked at: the sequencer says so.
[[nodiscard]] Result<Sending> look_at_sending(chat::Snapshot& snapshot, const Caller& from,
                                              const ChatId& chat);
// Only members share the room's rate: nobody else can use it up.
[[nodiscard]] Tolls tolls_of(const Sending& sending);
[[nodiscard]] chat::SendMessage command_of(const Sending& sending, MessageDraft&& message);

}  // namespace maru::gateway
