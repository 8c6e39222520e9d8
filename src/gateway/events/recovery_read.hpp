// What a recovered socket missed, read from the store by its user's present membership
// (architecture.md, "Recovery"). Reader thread; no state.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "base/id.hpp"
#include "chat/ports.hpp"
#include "fanout/soft_state.hpp"
#include "net/frame.hpp"

namespace maru::gateway {

// All of it together; past it the socket is not recovered (an outbox takes 1 MiB).
inline constexpr std::size_t kMissedBytesMax = 512 * 1024;

struct RecoveredChat {
  ChatId chat;
  Sequence upto;   // the last of what was missed; 0: nothing was
  Sequence floor;  // from its earlier life
};

struct Missed {
  std::vector<RecoveredChat> chats;    // those that the user is still a member of
  std::vector<net::TextFrame> frames;  // in the order of their positions
  wire::Position last = 0;             // of the last frame
};

// Nothing: it does not fit together (a hole, too much), the client must begin afresh.
[[nodiscard]] Result<std::optional<Missed>> read_missed(chat::Snapshot& snapshot,
                                                        const fanout::Recovery& recovery,
                                                        std::size_t bytes_max = kMissedBytesMax);

}  // namespace maru::gateway
