// Work for later on one I/O thread: rate delays, the grace of leaveRoom, retries. One timer of the
// wheel for all of them, so that a socket at rest carries none. Owner thread only. Not bounded by
// itself: each kind of caller bounds what it has waiting.
#pragma once

#include <cstdint>
#include <map>

#include "base/clock.hpp"
#include "base/job.hpp"
#include "net/timer_wheel.hpp"

namespace maru::net {
class IoThread;
}

namespace maru::gateway {

class DelayedTasks final : private net::Timer {
 public:
  explicit DelayedTasks(net::IoThread& thread) : thread_(thread) {}

  // Runs once, no later than `delay_ms` from now and less than a tick earlier; tasks of one delay
  // run in the order in which they came.
  void after(std::int64_t delay_ms, Job task);
  // What waits goes unrun, and so does what comes later: the thread is about to end.
  void drop_all();
  [[nodiscard]] std::size_t size() const { return tasks_.size(); }

 private:
  void on_timer() override;
  void arm();

  net::IoThread& thread_;
  bool closed_ = false;
  std::multimap<std::int64_t, Job> tasks_;  // by when they are due, monotonic ms
};

}  // namespace maru::gateway
