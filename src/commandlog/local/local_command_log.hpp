// The command log of one node: every chat's owner is the lane next door, which takes from this
// bounded mailbox (architecture.md, "Cluster": P = 1, no broker).
#pragma once

#include <cstddef>

#include "base/clock.hpp"
#include "base/mailbox.hpp"
#include "chat/ports/command_log.hpp"
#include "chat/ports/command_source.hpp"

namespace maru::local {

class LocalCommandLog final : public chat::CommandLog, public chat::CommandSource {
 public:
  static constexpr std::size_t kWaitingMax = 16'384;  // beyond it submit refuses

  // Both must outlive it.
  LocalCommandLog(const Clock& clock, IdSource& ids, std::size_t waiting_max = kWaitingMax);

  // ---- for whoever asks; commands of one thread keep their order ----
  [[nodiscard]] bool submit(chat::Command&& command) override;
  void settle(MonotonicTime until) override;

  // ---- for the lane ----
  [[nodiscard]] bool take(std::vector<chat::Command>& out, std::chrono::milliseconds wait) override;
  void settled(std::size_t /*count*/) override {}
  void close() override;

  // Any thread.
  [[nodiscard]] std::size_t waiting() const { return mailbox_.size(); }

 private:
  const Clock& clock_;
  IdSource& ids_;
  Mailbox<chat::Command> mailbox_;
};

}  // namespace maru::local
