// The read side of the store.
#pragma once

#include <cstdint>

#include "chat/ports/chat_reads.hpp"
#include "chat/ports/record_reads.hpp"
#include "chat/ports/user_reads.hpp"

namespace maru::chat {

// One consistent view of the store. Reader thread only; ends with the call that got it. Blocks on
// the disk. Errors: kUnavailable.
class Snapshot : public UserReads, public ChatReads, public RecordReads {
 public:
  // Rows of the store looked at since this view began: what the reading cost.
  [[nodiscard]] virtual std::uint64_t rows_read() const { return 0; }
};

}  // namespace maru::chat
