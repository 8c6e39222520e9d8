// How values cross threads: a bounded queue, drained in batches, with one wake-up per batch. Beside
// it only what counts connections has a mutex (docs/ARCHITECTURE.md, "Threads").
//
// Any thread may post. One thread, the owner, drains: either it sleeps in wait_drain(), or it has a
// readiness loop and passes `wake`, which post calls only when the box was empty before.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

namespace maru {

enum class PostResult { kPosted, kFull, kClosed };

template <class T>
class Mailbox {
 public:
  using Wake = std::function<void()>;

  explicit Mailbox(std::size_t capacity, Wake wake = {})
      : capacity_(capacity), wake_(std::move(wake)) {}

  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Never blocks. On kFull or kClosed `value` is left as it was, so that the caller can refuse it.
  [[nodiscard]] PostResult try_post(T&& value) {
    bool was_empty;
    {
      std::unique_lock lock(mutex_);
      make_room(lock);
      if (closed_) return PostResult::kClosed;
      if (items_.size() >= capacity_) return PostResult::kFull;
      was_empty = items_.empty();
      items_.push_back(std::move(value));
    }
    if (was_empty) notify();
    return PostResult::kPosted;
  }

  // Blocks while the box is full: the back-pressure of a producer that may wait. Never kFull.
  PostResult post_wait(T&& value) {
    bool was_empty;
    {
      std::unique_lock lock(mutex_);
      do {
        room_.wait(lock, [&] { return closed_ || items_.size() < capacity_; });
      } while (!make_room(lock));
      if (closed_) return PostResult::kClosed;
      was_empty = items_.empty();
      items_.push_back(std::move(value));
    }
    if (was_empty) notify();
    return PostResult::kPosted;
  }

  // Owner only, never blocks. Replaces `out` with all that is queued, in order.
  void drain(std::vector<T>& out) {
    out.clear();
    {
      std::lock_guard lock(mutex_);
      out.swap(items_);
    }
    if (!out.empty()) room_.notify_all();
  }

  // Owner only. Sleeps until something is queued, the box is closed, or `timeout` has passed.
  // False when the box is closed and empty: the owner's thread may end.
  bool wait_drain(std::vector<T>& out, std::chrono::milliseconds timeout) {
    out.clear();
    bool open;
    {
      std::unique_lock lock(mutex_);
      filled_.wait_for(lock, timeout, [&] { return closed_ || !items_.empty(); });
      out.swap(items_);
      open = !closed_ || !out.empty();
    }
    if (!out.empty()) room_.notify_all();
    return open;
  }

  // Posts are refused from now on; what is queued can still be drained.
  void close() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    room_.notify_all();
    notify();
  }

  [[nodiscard]] std::size_t size() const {
    std::lock_guard lock(mutex_);
    return items_.size();
  }

 private:
  // So that the next push_back needs no memory: a poster that waits for some must not keep the
  // owner from draining meanwhile. False: it unlocked, and what was known under the lock may have
  // changed.
  bool make_room(std::unique_lock<std::mutex>& lock) {
    bool stayed = true;
    while (items_.size() == items_.capacity() && !closed_) {
      std::vector<T> larger;
      const std::size_t wanted = std::max<std::size_t>(kFirstCapacity, 2 * items_.capacity());
      lock.unlock();
      larger.reserve(wanted);
      lock.lock();
      stayed = false;
      if (larger.capacity() <= items_.capacity()) continue;
      std::ranges::move(items_, std::back_inserter(larger));
      items_.swap(larger);
    }
    return stayed;
  }

  void notify() {
    if (wake_) {
      wake_();
    } else {
      filled_.notify_one();
    }
  }

  static constexpr std::size_t kFirstCapacity = 4;

  const std::size_t capacity_;
  const Wake wake_;
  mutable std::mutex mutex_;
  std::condition_variable filled_;
  std::condition_variable room_;
  std::vector<T> items_;
  bool closed_ = false;
};

}  // namespace maru
