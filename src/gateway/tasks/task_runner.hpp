// The running tasks of one I/O thread.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/job.hpp"
#include "gateway/tasks/task.hpp"

namespace maru::gateway {

// Its thread only, but for what is said to be for any. It outlives whatever may hold a Resumption
// of it: app/ stops the readers, the sequencer and the hasher first, and the delays of its thread
// go before it. What is still waiting then is destroyed with it.
class TaskRunner {
 public:
  struct Home {
    std::function<void(Job)> post;  // to the runner's thread; any thread
    std::function<bool()> is_here;  // whether this is it; any thread
  };
  explicit TaskRunner(Home home) : home_(std::move(home)) {}
  ~TaskRunner() { drop_all(); }
  TaskRunner(const TaskRunner&) = delete;
  TaskRunner& operator=(const TaskRunner&) = delete;

  // Whether anybody still wants what a task does: asked before it goes on after a wait. Its thread.
  using Wanted = std::function<bool()>;

  // Runs the task until it first waits, or ends; once it is not wanted any more, it is destroyed
  // where it waited. Throws std::bad_alloc, with the task destroyed. Not bounded by itself: each
  // front end bounds what a client may have in flight.
  void start(Task<void> task, Wanted wanted = {});

  // Destroys all that wait.
  void drop_all();
  [[nodiscard]] std::size_t running() const { return tasks_.size(); }

 private:
  friend class Suspended;
  friend class Resumption;
  struct Running {
    Task<void> task;
    Wanted wanted;  // none: always
    int depth = 0;  // > 0: it is being resumed, further up this thread's stack
    bool dropped = false;
  };

  // After a wait.
  void go_on(std::uint64_t id, std::coroutine_handle<> leaf);
  void step(std::uint64_t id, std::coroutine_handle<> leaf);
  void leave(std::uint64_t id);
  // Any thread.
  void resume(std::uint64_t id, std::coroutine_handle<> leaf);
  void drop(std::uint64_t id) noexcept;
  void drop_here(std::uint64_t id);
  // A start that was refused held the Resumption: the task is still its own.
  void keep(std::uint64_t id);

  Home home_;
  boost::unordered_flat_map<std::uint64_t, Running> tasks_;
  std::uint64_t last_id_ = 0;
};

}  // namespace maru::gateway
