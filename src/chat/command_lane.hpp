// A lane: the thread that gives its chats their one order. It takes commands from its source and
// runs them through GroupCommit in batches. While one batch is being made durable the next one
// gathers, so that the batches grow with the load.
#pragma once

#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

#include "chat/group_commit.hpp"
#include "chat/ports/command_source.hpp"

namespace maru::chat {

struct LaneOptions {
  std::size_t batch_commands_max = 1'024;
  std::chrono::milliseconds idle_after{250};  // quiet for so long: Store::idle is called
  CacheLimits cache;
  Quotas quotas;
  OnUsersEnding on_users_ending;
};

class CommandLane {
 public:
  // Starts the thread. All must live until stop() has returned; from now on only the thread takes
  // from `source` and touches `store` and `bus`.
  CommandLane(CommandSource& source, Store& store, EventBus& bus, const Clock& clock, IdSource& ids,
              LaneOptions options = {});
  ~CommandLane();  // stops
  CommandLane(const CommandLane&) = delete;
  CommandLane& operator=(const CommandLane&) = delete;

  // Closes the source, runs what waits in it, and returns when the thread has ended. Not from a
  // reply handler. Again is fine.
  void stop();

  // Any thread.
  [[nodiscard]] const LaneCounters& counters() const { return counters_; }

 private:
  void run();

  const LaneOptions options_;
  CommandSource& source_;
  Store& store_;
  const Clock& clock_;
  LaneCounters counters_;
  GroupCommit commit_;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace maru::chat
