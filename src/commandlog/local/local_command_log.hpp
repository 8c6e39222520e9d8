// The command log of one node: every chat's owner is the sequencer next door (architecture.md,
// "Cluster": P = 1, no broker).
#pragma once

#include "chat/ports/command_log.hpp"
#include "chat/sequencer.hpp"

namespace maru::local {

class LocalCommandLog final : public chat::CommandLog {
 public:
  // Both must outlive it.
  LocalCommandLog(chat::Sequencer& sequencer, IdSource& ids) : sequencer_(sequencer), ids_(ids) {}

  [[nodiscard]] bool submit(chat::Command&& command) override;

 private:
  chat::Sequencer& sequencer_;
  IdSource& ids_;
};

}  // namespace maru::local
