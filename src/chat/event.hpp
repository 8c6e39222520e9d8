// What became true, told after it is durable (the output gate). Values; immutable once published.
#pragma once

#include <variant>
#include <vector>

#include "chat/model.hpp"
#include "chat/record.hpp"

namespace maru::chat {

// A record of a chat's stream. For a leave, listeners of the subject are detached when it passes.
struct RecordCommitted {
  RecordPtr record;
};

// Each of `users` has a new chat: created, or joined (then on all devices).
struct ChatAdded {
  std::vector<UserId> users;
  ChatDocument document;
};

// Each of `users` is no member any more.
struct ChatRemoved {
  std::vector<UserId> users;
  ChatId chat;
  ChatNumber number;
};

// The sockets of that login session are told and closed with `41`.
struct SessionRevoked {
  UserId user;
  SessionId session;
};

using Event = std::variant<RecordCommitted, ChatAdded, ChatRemoved, SessionRevoked>;

}  // namespace maru::chat
