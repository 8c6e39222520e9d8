#include "gateway/tasks/delayed_tasks.hpp"

#include <algorithm>
#include <utility>

#include "net/io_thread.hpp"

namespace maru::gateway {

void DelayedTasks::after(std::int64_t delay_ms, Job task) {
  if (closed_) return;
  const std::int64_t due = thread_.clock().monotonic().ms + std::max<std::int64_t>(delay_ms, 0);
  const bool is_first = tasks_.empty() || due < tasks_.begin()->first;
  tasks_.emplace(due, std::move(task));
  if (is_first) arm();
}

void DelayedTasks::drop_all() {
  closed_ = true;
  tasks_.clear();
}

void DelayedTasks::arm() {
  const std::int64_t wait = tasks_.begin()->first - thread_.clock().monotonic().ms;
  thread_.timers().start(*this, std::max<std::int64_t>(wait, 0));
}

void DelayedTasks::on_timer() {
  // The wheel fires up to a tick early; what is due within that tick is due.
  const std::int64_t now = thread_.clock().monotonic().ms + net::TimerWheel::kTickMs;
  while (!tasks_.empty() && tasks_.begin()->first <= now) {
    Job task = std::move(tasks_.begin()->second);
    tasks_.erase(tasks_.begin());
    task();
  }
  if (!tasks_.empty()) arm();
}

}  // namespace maru::gateway
