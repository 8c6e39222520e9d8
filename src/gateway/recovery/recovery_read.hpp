// What a recovered socket missed, read from the store by its user's present membership
// (architecture.md, "Recovery"). Reader thread; no state.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "base/id.hpp"
#include "chat/ports/snapshot.hpp"
#include "fanout/recovery/resume.hpp"
#include "gateway/events/presence_watch.hpp"
#include "net/frame.hpp"

namespace maru::gateway {

// All of it together; past it the socket is not recovered (an outbox takes 1 MiB).
inline constexpr std::size_t kMissedBytesMax = 512 * 1024;

struct Missed {
  fanout::ResumePlan plan;             // for the chats that the user is still a member of
  std::vector<net::TextFrame> frames;  // in the order of their positions
  std::vector<Watched> watched;        // those that it may still watch
};

// `watched` is left empty. `offset` is the client's. Nothing: it does not fit together (a hole, too
// much), the client must begin afresh.
[[nodiscard]] Result<std::optional<Missed>> read_missed(chat::Snapshot& snapshot,
                                                        const fanout::Recovery& recovery,
                                                        wire::Position offset,
                                                        std::size_t bytes_max = kMissedBytesMax);

}  // namespace maru::gateway
