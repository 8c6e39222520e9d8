// What a client asked for, as a function that reads from top to bottom and waits in between: a
// coroutine of one I/O thread. It runs on that thread only. While it waits (await.hpp) its frame is
// owned by the thread's TaskRunner, and what it waits for holds a Resumption: the one goes on with
// it, dropping the other ends it, whatever it was at. So an operation that a closed queue or a stop
// overtakes is destroyed, and what it holds (an answer that is owed, a pending attachment, a turn)
// settles that in its destructor.
//
// For GCC 12 (tools/check_coroutines.py holds it): no co_await inside a conditional operand, none
// in an expression that makes something with braces (it is destroyed twice: make it before), and no
// coroutine that is a lambda.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>

#include "gateway/tasks/frame_pool.hpp"

namespace maru::gateway {

class TaskRunner;
template <class T>
class Task;

namespace detail {

// Which running task a frame belongs to, its own or one further out.
struct TaskOwner {
  TaskRunner* runner = nullptr;
  std::uint64_t id = 0;
};

class PromiseBase {
 public:
  // Goes on with whoever awaits the task.
  struct Finish {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) noexcept {
      const std::coroutine_handle<> next = ended.promise().parent;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };

  static void* operator new(std::size_t size) { return FramePool::take(size); }
  static void operator delete(void* frame, std::size_t size) noexcept {
    FramePool::give_back(frame, size);
  }

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] Finish final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error_ = std::current_exception(); }

  std::coroutine_handle<> parent;
  TaskOwner owner;

 protected:
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
};

template <class T>
class Promise : public PromiseBase {
 public:
  Task<T> get_return_object() noexcept;
  template <class Value>
  void return_value(Value&& value) {
    value_.emplace(std::forward<Value>(value));
  }
  T take() {
    rethrow();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> : public PromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const { rethrow(); }
};

}  // namespace detail

// Begins when it is awaited, or started (TaskRunner::start). Move-only; owns its frame.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Frame = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Frame frame) noexcept : frame_(frame) {}
  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (frame_) frame_.destroy();
  }

  // ---- awaiting it: a task of the same runner; throws what it ended with ----
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Parent>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Parent> parent) noexcept {
    frame_.promise().parent = parent;
    frame_.promise().owner = parent.promise().owner;
    return frame_;
  }
  T await_resume() { return frame_.promise().take(); }

 private:
  friend class TaskRunner;
  Frame frame_;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() noexcept {
  return Task<T>(Task<T>::Frame::from_promise(*this));
}
inline Task<void> detail::Promise<void>::get_return_object() noexcept {
  return Task<void>(Task<void>::Frame::from_promise(*this));
}

}  // namespace maru::gateway
