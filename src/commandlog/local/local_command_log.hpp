// The command log of one node: every chat's owner is the sequencer next door (architecture.md,
// "Cluster": P = 1, no broker).
#pragma once

#include "chat/ports/command_log.hpp"
#include "chat/sequencer.hpp"

namespace maru::local {

class LocalCommandLog final : public chat::CommandLog {
 public:
  // `sequencer` must outlive it.
  explicit LocalCommandLog(chat::Sequencer& sequencer) : sequencer_(sequencer) {}

  [[nodiscard]] bool submit(chat::Command&& command) override;

 private:
  chat::Sequencer& sequencer_;
};

}  // namespace maru::local
