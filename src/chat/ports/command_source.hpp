// Where a lane takes its commands from.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "chat/command.hpp"

namespace maru::chat {

class CommandSource {
 public:
  virtual ~CommandSource() = default;
  // The lane's thread. Replaces `out` by all that waits, the oldest first (the source bounds it);
  // waits for something to come, at most so long. False: it is closed and empty.
  [[nodiscard]] virtual bool take(std::vector<Command>& out, std::chrono::milliseconds wait) = 0;
  // The lane's thread: the oldest `count` of those taken are durable and answered.
  virtual void settled(std::size_t count) = 0;
  // Any thread: nothing more comes in; what waits can still be taken. Again is fine.
  virtual void close() = 0;
};

}  // namespace maru::chat
