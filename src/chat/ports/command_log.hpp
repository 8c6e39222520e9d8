// Carries commands to the owner of their chat (gateway → sequencer).
#pragma once

#include "chat/command.hpp"

namespace maru::chat {

class CommandLog {
 public:
  virtual ~CommandLog() = default;
  // Any thread, never blocks. Gives the command its ids (give_ids) where it has none. False: the
  // log is full or closing; `command` is the caller's still, who answers kOverloaded. True: the
  // reply handler will be called exactly once.
  [[nodiscard]] virtual bool submit(Command&& command) = 0;
  // Blocks until everything that was submitted before is answered, or until then. Where submit()
  // itself answers there is nothing to wait for.
  virtual void settle(MonotonicTime /*until*/) {}
};

}  // namespace maru::chat
