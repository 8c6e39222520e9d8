// The queue in front of a QueryPool's threads: two lanes, so that whoever reads much never keeps
// waiting whoever logs in, connects, joins or sends.
//
// A thread takes an urgent query first. Bulk ones run on all threads but one at a time, so that one
// thread is always free for the urgent (with a single thread one waits for at most one bulk query).
// Within a lane it is first come, first served; who may have how many in the bulk lane is its
// users' business (gateway/limits/read_turns.hpp).
//
// Any thread may post; the pool's threads take. Beside Mailbox the one other hand-over with a
// mutex.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>

#include "chat/ports/query_pool.hpp"

namespace maru::chat {

class QueryLanes {
 public:
  // `waiting_max`: queries that wait in each lane; past it post() refuses. `threads`: how many
  // take.
  QueryLanes(std::size_t threads, std::size_t waiting_max);
  QueryLanes(const QueryLanes&) = delete;
  QueryLanes& operator=(const QueryLanes&) = delete;

  // Never blocks. False: the lane is full or closed; `query` is untouched.
  [[nodiscard]] bool post(Lane lane, QueryPool::Query&& query);

  // One query for a thread of the pool, which ends it before it calls finish().
  struct Taken {
    Lane lane;
    QueryPool::Query query;
  };
  // Sleeps until there is one. Nothing: the urgent lane is closed, the thread ends.
  [[nodiscard]] std::optional<Taken> take();
  void finish(Lane lane);

  // Refuses posts from now on and drops what waits, on this thread: what a dropped query owns says
  // so to whoever asked (a call answers 503).
  void close(Lane lane);

  // Waiting or running.
  [[nodiscard]] std::size_t depth(Lane lane) const;

 private:
  struct Queue {
    std::deque<QueryPool::Query> waiting;
    std::size_t running = 0;
    bool closed = false;
  };
  [[nodiscard]] Queue& of(Lane lane) { return queues_[static_cast<std::size_t>(lane)]; }
  [[nodiscard]] bool may_take_bulk() const;

  const std::size_t bulk_running_max_;
  const std::size_t waiting_max_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::array<Queue, kLaneCount> queues_;
};

}  // namespace maru::chat
