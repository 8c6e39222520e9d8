#include "base/log_queue.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <utility>

#include "base/memory.hpp"
#include "base/thread_name.hpp"

namespace maru::log {
namespace {

constexpr std::size_t kWriteBytesMax = 4096;                   // PIPE_BUF
constexpr std::size_t kKeptBytesMax = std::size_t{64} * 1024;  // of a buffer that was larger once
constexpr std::chrono::seconds kSecond{1};

std::int64_t steady_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);  // may be called in a signal handler
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// The first of `bytes`: as many whole lines as one write takes, or one that is longer.
std::string_view next_write(std::string_view bytes) {
  if (bytes.size() <= kWriteBytesMax) return bytes;
  std::size_t end = bytes.rfind('\n', kWriteBytesMax - 1);
  if (end == std::string_view::npos) end = bytes.find('\n');
  return end == std::string_view::npos ? bytes : bytes.substr(0, end + 1);
}

}  // namespace

std::size_t write_whole(int descriptor, std::string_view bytes) {
  std::size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t size = ::write(descriptor, bytes.data() + written, bytes.size() - written);
    if (size > 0) {
      written += static_cast<std::size_t>(size);
    } else if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      // A pipe or terminal that another process has made non-blocking.
      pollfd room{descriptor, POLLOUT, 0};
      if (::poll(&room, 1, -1) < 0 && errno != EINTR) break;
    } else if (size == 0 || errno != EINTR) {
      break;
    }
  }
  return written;
}

struct LogQueue::State {
  int descriptor = -1;
  QueueBounds bounds;
  Callbacks callbacks;

  std::mutex mutex;
  std::condition_variable filled;
  std::string waiting;
  std::size_t audit_bytes = 0;  // of `waiting`
  std::size_t other_bytes = 0;
  DroppedLines dropped;
  bool stopping = false;
  bool ended = false;  // nothing more is written
  std::condition_variable end;

  // Read by flush(), perhaps in a signal handler: no lock.
  std::atomic<std::uint64_t> pushed{0};
  std::atomic<std::uint64_t> finished{0};  // written or lost
  // The thread's.
  bool torn = false;  // the last write ended within a line
  DroppedLines said;  // of `dropped`, what a line has told

  [[nodiscard]] bool has_room(Kind kind, std::size_t size) const;
  // How many of the lines are lost. The thread's.
  std::uint64_t write(std::string_view lines);
  void say(const DroppedLines& now_dropped);
};

bool LogQueue::State::has_room(Kind kind, std::size_t size) const {
  switch (kind) {
    case Kind::kDetail:
      return other_bytes + size <= bounds.other_bytes / 2;
    case Kind::kTrouble:
      return other_bytes + size <= bounds.other_bytes;
    case Kind::kAudit:
      return audit_bytes + size <= bounds.audit_bytes;
    case Kind::kLastWords:
      break;
  }
  return true;
}

std::uint64_t LogQueue::State::write(std::string_view lines) {
  std::uint64_t lost = 0;
  while (!lines.empty()) {
    const std::string_view next = next_write(lines);
    lines.remove_prefix(next.size());
    if (torn && write_whole(descriptor, "\n") == 1) torn = false;
    const std::size_t written = torn ? 0 : write_whole(descriptor, next);
    if (written == next.size()) continue;
    torn = torn || (written != 0 && next[written - 1] != '\n');
    lost += static_cast<std::uint64_t>(std::ranges::count(next.substr(written), '\n'));
  }
  return lost;
}

void LogQueue::State::say(const DroppedLines& now_dropped) {
  if (now_dropped != said && write(callbacks.dropped_line(now_dropped)) == 0) said = now_dropped;
}

LogQueue::LogQueue(int descriptor, QueueBounds bounds, Callbacks callbacks)
    : state_(std::make_shared<State>()) {
  state_->descriptor = descriptor;
  state_->bounds = bounds;
  state_->callbacks = std::move(callbacks);
  thread_ = std::thread([state = state_] { run(*state); });
}

LogQueue::~LogQueue() {
  stop(std::chrono::milliseconds(0));
}

bool LogQueue::push(Kind kind, std::string_view line) {
  State& state = *state_;
  bool was_empty = false;
  {
    const std::lock_guard lock(state.mutex);
    const memory::Impatience impatience;
    const bool is_kept = !state.ended && state.has_room(kind, line.size()) &&
                         memory::survive([&] { state.waiting += line; });
    if (!is_kept) {
      ++(kind == Kind::kAudit ? state.dropped.audit : state.dropped.other);
      return false;
    }
    was_empty = state.waiting.size() == line.size();
    (kind == Kind::kAudit ? state.audit_bytes : state.other_bytes) += line.size();
    state.pushed.fetch_add(line.size(), std::memory_order_release);
  }
  if (was_empty) state.filled.notify_one();
  return true;
}

void LogQueue::run(State& state) {
  name_this_thread("log");
  const memory::Patience patience;  // it allocates without the lock
  std::string lines;
  std::int64_t called_ms = steady_ms();
  std::unique_lock lock(state.mutex);
  for (;;) {
    state.filled.wait_for(lock, kSecond, [&] { return state.stopping || !state.waiting.empty(); });
    if (state.ended || (state.stopping && state.waiting.empty())) break;
    lines.swap(state.waiting);
    state.audit_bytes = state.other_bytes = 0;
    // What was dropped until now came after these lines, while they waited.
    DroppedLines dropped = state.dropped;
    lock.unlock();
    const std::uint64_t lost = state.write(lines);
    dropped.unwritten += lost;
    state.say(dropped);
    state.finished.fetch_add(lines.size(), std::memory_order_release);
    lines.clear();
    if (lines.capacity() > kKeptBytesMax) lines.shrink_to_fit();
    if (steady_ms() - called_ms >= 1000) {
      called_ms = steady_ms();
      [[maybe_unused]] const bool done = memory::survive(state.callbacks.each_second);
    }
    lock.lock();
    state.dropped.unwritten += lost;
  }
  state.ended = true;
  state.end.notify_all();
}

bool LogQueue::flush(std::chrono::milliseconds patience) const {
  const std::uint64_t until = state_->pushed.load(std::memory_order_acquire);
  const std::int64_t end = steady_ms() + patience.count();
  while (state_->finished.load(std::memory_order_acquire) < until) {
    if (steady_ms() >= end) return false;
    ::poll(nullptr, 0, 1);
  }
  return true;
}

bool LogQueue::stop(std::chrono::milliseconds patience) {
  if (!thread_.joinable()) return true;
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->filled.notify_one();
  const bool is_done = state_->end.wait_for(lock, patience, [&] { return state_->ended; });
  state_->ended = true;
  lock.unlock();
  if (is_done) {
    thread_.join();
  } else {
    thread_.detach();
  }
  return is_done;
}

DroppedLines LogQueue::dropped() const {
  const std::lock_guard lock(state_->mutex);
  return state_->dropped;
}

std::size_t LogQueue::bytes_waiting() const {
  return static_cast<std::size_t>(state_->pushed.load(std::memory_order_acquire) -
                                  state_->finished.load(std::memory_order_acquire));
}

}  // namespace maru::log
