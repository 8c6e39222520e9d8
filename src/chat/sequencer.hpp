// The thread that gives every chat its one order: takes commands from a bounded mailbox and runs
// them through GroupCommit in batches. While one batch is being made durable the next one gathers,
// so that the batches grow with the load.
#pragma once

#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

#include "base/mailbox.hpp"
#include "chat/group_commit.hpp"

namespace maru::chat {

struct SequencerOptions {
  std::size_t mailbox_max = 16'384;  // beyond it try_submit refuses
  std::size_t batch_commands_max = 1'024;
  std::chrono::milliseconds idle_after{250};  // quiet for so long: Store::idle is called
  CacheLimits cache;
  Quotas quotas;
};

class Sequencer {
 public:
  // Starts the thread. All five must live until stop() has returned; from now on only the thread
  // touches `store`, `bus` and `ids`.
  Sequencer(Store& store, EventBus& bus, const Clock& clock, IdSource& ids,
            SequencerOptions options = {});
  ~Sequencer();  // stops
  Sequencer(const Sequencer&) = delete;
  Sequencer& operator=(const Sequencer&) = delete;

  // Any thread, never blocks. False: full or stopping; `command` is untouched. True: its reply
  // handler will be called exactly once (ReplyHandler: where). Commands of one thread keep their
  // order.
  [[nodiscard]] bool try_submit(Command&& command);

  // Refuses new commands, runs those that wait, and returns when the thread has ended. Not from a
  // reply handler. Again is fine.
  void stop();

  // Any thread.
  [[nodiscard]] const SequencerCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t waiting() const { return mailbox_.size(); }

 private:
  void run();

  const SequencerOptions options_;
  Store& store_;
  const Clock& clock_;
  SequencerCounters counters_;
  GroupCommit commit_;
  Mailbox<Command> mailbox_;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace maru::chat
