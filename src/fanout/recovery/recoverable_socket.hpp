// What a socket leaves behind so that it can be recovered (architecture.md, "Recovery"). A value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/id.hpp"
#include "wire/wire_event.hpp"

namespace maru::fanout {

// Whose a live pid is: an I/O thread and the key by which it knows the socket. Keys never repeat.
struct SocketOwner {
  std::uint64_t key = 0;
  std::uint32_t thread = 0;
  bool operator==(const SocketOwner&) const = default;
};

struct RecoverableSocket {
  std::string pid;
  std::string sid;
  UserId user;
  SessionId session;
  std::vector<ChatId> chats;
  std::vector<UserId> watched;  // whose presence it hears, oldest first

  // Filled together with `chats` by RoomIndex::leave_behind. Without them recovery is still
  // gap-free, but may repeat what the client read when it attached, and needs a longer ring.
  //
  // Per chat (same order; absent: 0): the sequence from which on it was attached. A joinRoom answer
  // has no offset, so the client's offset may be older than what that answer covered.
  std::vector<Sequence> floors;
  // The last event with an offset that was handed to this socket. A client whose offset is not
  // older has received everything up to `left_at`, however long ago that was in a quiet chat.
  wire::Position last_delivered = 0;
  // Every event up to here that concerned the socket was handed to it; 0: unknown.
  wire::Position left_at = 0;
};

}  // namespace maru::fanout
