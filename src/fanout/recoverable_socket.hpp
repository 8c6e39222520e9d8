// What a socket leaves behind so that it can be recovered (architecture.md, "Recovery"). A value.
#pragma once

#include <string>
#include <vector>

#include "base/id.hpp"
#include "wire/wire_event.hpp"

namespace maru::fanout {

struct RecoverableSocket {
  std::string pid;
  std::string sid;
  UserId user;
  SessionId session;
  std::vector<ChatId> chats;

  // Filled together with `chats` by RoomIndex::leave_behind. Without them recovery is still
  // gap-free, but may repeat what the client read when it attached, and needs a longer ring.
  //
  // Per chat (same order; absent: 0): the sequence from which on it was attached. A joinRoom answer
  // has no offset, so the client's offset may be older than what that answer covered.
  std::vector<Sequence> floors;
  // The last durable event handed to this socket. A client whose offset is not older has received
  // everything up to `left_at`, however long ago that was in a quiet chat.
  wire::Position last_delivered = 0;
  // Older events of another chat, held while that chat was being attached, followed this one. They
  // carry no offset, so a client whose offset is not newer may or may not have received them: it is
  // not recovered. 0: there were none.
  wire::Position unsure_upto = 0;
  // Every event up to here that concerned the socket was handed to it; 0: unknown.
  wire::Position left_at = 0;
};

}  // namespace maru::fanout
