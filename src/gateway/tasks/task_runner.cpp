#include "gateway/tasks/task_runner.hpp"

#include <new>
#include <optional>
#include <utility>

#include "base/memory.hpp"
#include "gateway/tasks/await.hpp"

namespace maru::gateway {

void TaskRunner::drop_all() {
  // One by one: what a task holds may start or look for others.
  while (!tasks_.empty()) drop_here(tasks_.begin()->first);
}

void TaskRunner::start(Task<void> task, Wanted wanted) {
  const std::uint64_t id = ++last_id_;
  const std::coroutine_handle<> frame = task.frame_;
  task.frame_.promise().owner = {this, id};
  tasks_.emplace(id, Running{std::move(task), std::move(wanted)});
  step(id, frame);
}

void TaskRunner::go_on(std::uint64_t id, std::coroutine_handle<> leaf) {
  const auto found = tasks_.find(id);
  if (found == tasks_.end()) return;
  if (found->second.wanted && !found->second.wanted()) return drop_here(id);
  step(id, leaf);
}

void TaskRunner::step(std::uint64_t id, std::coroutine_handle<> leaf) {
  ++tasks_.find(id)->second.depth;
  leaf.resume();
  leave(id);
}

// Only who resumed it first, furthest up the stack, ends it: below there may be one that is on its
// way back through the same frame.
void TaskRunner::leave(std::uint64_t id) {
  const auto found = tasks_.find(id);
  Running& running = found->second;
  if (--running.depth > 0) return;
  const bool ended = running.task.frame_.done();
  if (!ended && !running.dropped) return;
  Task<void> task = std::move(running.task);
  tasks_.erase(found);
  // Without memory it ended where it was; what it owed has been settled on the way out.
  if (ended) [[maybe_unused]]
    const bool is_whole = memory::survive([&] { task.await_resume(); });
}

void TaskRunner::resume(std::uint64_t id, std::coroutine_handle<> leaf) {
  if (home_.is_here()) {
    const auto found = tasks_.find(id);
    if (found != tasks_.end() && found->second.depth == 0) return go_on(id, leaf);
  }
  std::optional<memory::Patience> patience;
  if (!home_.is_here()) patience.emplace();
  home_.post([this, id, leaf] { go_on(id, leaf); });
}

void TaskRunner::drop(std::uint64_t id) noexcept {
  if (home_.is_here()) return drop_here(id);
  // There is no dropping half of it. Another thread can wait for memory.
  const memory::Patience patience;
  home_.post([this, id] { drop_here(id); });
}

void TaskRunner::drop_here(std::uint64_t id) {
  const auto found = tasks_.find(id);
  if (found == tasks_.end()) return;
  found->second.dropped = true;
  if (found->second.depth > 0) return;
  const Task<void> task = std::move(found->second.task);
  tasks_.erase(found);
}

void TaskRunner::keep(std::uint64_t id) {
  const auto found = tasks_.find(id);
  if (found != tasks_.end()) found->second.dropped = false;
}

// ---- Resumption ----

void Resumption::resume() && {
  Suspended* const at = std::exchange(at_, nullptr);
  // The task may go on at once, and take where it waited along.
  const auto [runner, id] = at->owner_;
  if (runner->home_.is_here() && at->starting_) {
    at->resumed_ = true;
    return;
  }
  const std::coroutine_handle<> leaf = at->leaf_;
  try {
    runner->resume(id, leaf);
  } catch (const std::bad_alloc&) {
    runner->drop(id);
    throw;
  }
}

void Resumption::drop() noexcept {
  const Suspended* const at = std::exchange(at_, nullptr);
  if (at != nullptr) at->owner_.runner->drop(at->owner_.id);
}

void Suspended::keep() const {
  owner_.runner->keep(owner_.id);
}

}  // namespace maru::gateway
