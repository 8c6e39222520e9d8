#include "chat/query_lanes.hpp"

#include <algorithm>
#include <utility>

namespace maru::chat {

QueryLanes::QueryLanes(std::size_t threads, std::size_t waiting_max)
    : bulk_running_max_(std::max<std::size_t>(threads, 2) - 1), waiting_max_(waiting_max) {}

bool QueryLanes::post(Lane lane, QueryPool::Query&& query) {
  {
    std::lock_guard lock(mutex_);
    Queue& queue = of(lane);
    if (queue.closed || queue.waiting.size() >= waiting_max_) return false;
    queue.waiting.push_back(std::move(query));
  }
  changed_.notify_one();
  return true;
}

bool QueryLanes::may_take_bulk() const {
  const Queue& bulk = queues_[static_cast<std::size_t>(Lane::kBulk)];
  return !bulk.waiting.empty() && bulk.running < bulk_running_max_;
}

std::optional<QueryLanes::Taken> QueryLanes::take() {
  std::unique_lock lock(mutex_);
  Queue& urgent = of(Lane::kUrgent);
  changed_.wait(lock, [&] { return urgent.closed || !urgent.waiting.empty() || may_take_bulk(); });
  if (urgent.closed) return std::nullopt;
  const Lane lane = urgent.waiting.empty() ? Lane::kBulk : Lane::kUrgent;
  Queue& queue = of(lane);
  Taken taken{lane, std::move(queue.waiting.front())};
  queue.waiting.pop_front();
  ++queue.running;
  return taken;
}

void QueryLanes::finish(Lane lane) {
  bool goes_on = false;
  {
    std::lock_guard lock(mutex_);
    --of(lane).running;
    goes_on = may_take_bulk();
  }
  // The thread that ends a bulk query may take an urgent one next: another thread then has to take
  // the bulk query that this one let in.
  if (goes_on) changed_.notify_one();
}

void QueryLanes::close(Lane lane) {
  std::deque<QueryPool::Query> dropped;
  {
    std::lock_guard lock(mutex_);
    of(lane).closed = true;
    dropped.swap(of(lane).waiting);
  }
  changed_.notify_all();
}

std::size_t QueryLanes::depth(Lane lane) const {
  std::lock_guard lock(mutex_);
  const Queue& queue = queues_[static_cast<std::size_t>(lane)];
  return queue.waiting.size() + queue.running;
}

}  // namespace maru::chat
