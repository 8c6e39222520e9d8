// How a user's end is carried through. The end itself is one decision (UserEnded: no session, no
// name, marked as ending); the user's groups are left one by one, each by a LeaveChat through the
// command log like anybody's, for they may have owners of their own. What is left to do is what the
// store says, so nothing is lost with the process: passes go on until one finds no group, then the
// mark goes, and whoever starts takes up what another has left.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "chat/ports/command_log.hpp"
#include "chat/ports/query_pool.hpp"

namespace maru::chat {

// One pass after the other, without a thread.
class EndingPass {
 public:
  static constexpr std::size_t kUsersMax = 32;      // in a pass
  static constexpr std::size_t kInFlightMax = 256;  // commands

  // Both must outlive it.
  EndingPass(CommandLog& commands, QueryPool& queries) : commands_(commands), queries_(queries) {}

  enum class Outcome : std::uint8_t {
    kDone,  // nobody is ending
    kMore,  // something was done; look again
    kStuck  // nothing could be read, or not everything be done: later
  };
  // Blocks until what it has asked for is answered; `stopping` lets it end in between (kStuck).
  Outcome run(const std::atomic<bool>& stopping);

 private:
  struct Ending {
    UserId user;
    std::vector<ChatId> chats;
    bool clean = true;  // it was in no group, and nothing failed
  };
  static Result<std::vector<Ending>> read(Snapshot& snapshot);
  Result<std::vector<Ending>> find();
  bool leave(std::vector<Ending>& endings, const std::atomic<bool>& stopping);
  bool finish(const std::vector<Ending>& endings);

  CommandLog& commands_;
  QueryPool& queries_;
};

// Passes on a thread of its own. Owner: app/.
class Endings {
 public:
  Endings(CommandLog& commands, QueryPool& queries) : pass_(commands, queries) {}
  ~Endings() { stop(); }
  Endings(const Endings&) = delete;
  Endings& operator=(const Endings&) = delete;

  // Takes up what is left of before.
  void start();
  // Any thread, never blocks: somebody is ending, or may be.
  void look();
  // Any thread: no new pass begins, and one that comes to nothing from now on is none to speak of.
  void request_stop();
  // Waits for what is in flight, nothing else; whoever starts next goes on. Before the lane and the
  // readers end. Again is fine.
  void stop();

 private:
  void run();

  EndingPass pass_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool due_ = true;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace maru::chat
