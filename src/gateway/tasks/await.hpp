// What a task waits with: `co_await called_back<T>(start)`. Everything else that is awaited in the
// gateway (a query, a command, a delay, a hash) is made of it.
#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "base/memory.hpp"
#include "gateway/tasks/task_runner.hpp"

namespace maru::gateway {

// Where a task waits; it is part of its frame.
class Suspended {
 public:
  Suspended() = default;
  Suspended(const Suspended&) = delete;
  Suspended& operator=(const Suspended&) = delete;

 protected:
  ~Suspended() = default;
  void suspend(detail::TaskOwner owner, std::coroutine_handle<> leaf) {
    owner_ = owner;
    leaf_ = leaf;
  }
  // A start has come to its answer by itself: whether the giver called it or dropped it meanwhile,
  // the task goes on.
  void keep() const;
  // While the start runs, a resumption on the task's own thread is noted, not done.
  void begin_start() { starting_ = true; }
  [[nodiscard]] bool end_start() {
    starting_ = false;
    return resumed_;
  }

 private:
  friend class Resumption;
  detail::TaskOwner owner_;
  std::coroutine_handle<> leaf_;
  bool starting_ = false;  // these two: the task's thread only
  bool resumed_ = false;
};

// The right to go on with a task that waits. Exactly one exists for each wait; move-only, a
// pointer's size, so that a closure of it needs no allocation. Any thread.
class Resumption {
 public:
  explicit Resumption(Suspended& at) : at_(&at) {}
  Resumption(Resumption&& other) noexcept : at_(std::exchange(other.at_, nullptr)) {}
  Resumption& operator=(Resumption&& other) noexcept {
    std::swap(at_, other.at_);
    return *this;
  }
  Resumption(const Resumption&) = delete;
  Resumption& operator=(const Resumption&) = delete;
  // Not used: the task is destroyed, on its own thread.
  ~Resumption() { drop(); }

  // The task goes on, on its own thread: at once if this is it and the task is not being resumed
  // already, else as a job. Within the start of its wait, it does not even stop. Throws
  // std::bad_alloc (and the task is dropped) where the thread has no memory to say it, and does not
  // wait for some.
  void resume() &&;

 protected:
  [[nodiscard]] Suspended* at() const { return at_; }

 private:
  void drop() noexcept;

  Suspended* at_;
};

template <class T, class Start>
class CalledBack;

// Takes the value that a task waits for, once, on any thread. Dropped, it drops the task.
template <class T>
class Giver : private Resumption {
 public:
  void operator()(T value);

 private:
  template <class U, class Start>
  friend class CalledBack;
  explicit Giver(Suspended& at, std::optional<T>& value) : Resumption(at), value_(&value) {}
  std::optional<T>* value_;
};

template <class T>
void Giver<T>::operator()(T value) {
  value_->emplace(std::move(value));
  std::move(static_cast<Resumption&>(*this)).resume();
}

template <class T, class Start>
class [[nodiscard]] CalledBack final : private Suspended {
 public:
  explicit CalledBack(Start start) : start_(std::move(start)) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> leaf) {
    suspend(leaf.promise().owner, leaf);
    begin_start();
    std::optional<T> at_once = start_(Giver<T>(*this, value_));
    const bool given = end_start();
    if (!at_once) return !given;
    keep();
    value_ = std::move(at_once);
    return false;
  }
  T await_resume() { return std::move(*value_); }

 private:
  Start start_;
  std::optional<T> value_;
};

// `start` is std::optional<T>(Giver<T>): it hands the giver over to whoever will call it (perhaps
// before it returns) and returns nothing, or returns what there is to say at once, and then drops
// the giver if it likes. It runs on the task's thread, and may refer to what is in the task's
// frame: that stays where it is for as long as the giver lives.
template <class T, class Start>
CalledBack<T, Start> called_back(Start start) {
  return CalledBack<T, Start>(std::move(start));
}

}  // namespace maru::gateway
