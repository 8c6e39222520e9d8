// Log lines on their way to a descriptor that nobody may be reading: held in memory up to a bound
// and written by a thread of their own, so that no thread that serves ever waits for the reader.
//
// Any thread may push; that copies the line under a lock that is never held during a write. Past
// the bound of its kind a new line is dropped and counted, and when there is room again one line
// says how many. The audit trail has a bound of its own: no flood of other lines pushes it out.
//
// Lines keep their order. A write is a few whole lines, at most 4 KiB (PIPE_BUF), so that other
// processes' lines in the same pipe do not land inside of one.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace maru::log {

enum class Kind : std::uint8_t {
  kDetail,     // debug, info: dropped first, past half of other_bytes
  kTrouble,    // warnings and errors
  kAudit,      // counts against audit_bytes alone
  kLastWords,  // never dropped: one line before the process ends itself
};

// Bytes that wait. As many again may be on their way to the descriptor.
struct QueueBounds {
  std::size_t audit_bytes = 0;
  std::size_t other_bytes = 0;
};

// Lines that nobody will read, since the start.
struct DroppedLines {
  std::uint64_t audit = 0;
  std::uint64_t other = 0;
  std::uint64_t unwritten = 0;  // the descriptor took them no more: a full disk, a closed pipe
  auto operator<=>(const DroppedLines&) const = default;
};

class LogQueue {
 public:
  // What the thread asks for: the line (with its end) that says what was dropped, and, about once a
  // second, whatever else there is to push.
  struct Callbacks {
    std::function<std::string(const DroppedLines&)> dropped_line;
    std::function<void()> each_second;
  };

  // Starts the thread; it takes no signals that are blocked now. `descriptor` must outlive it.
  LogQueue(int descriptor, QueueBounds bounds, Callbacks callbacks);
  ~LogQueue();  // stop() without patience
  LogQueue(const LogQueue&) = delete;
  LogQueue& operator=(const LogQueue&) = delete;

  // `line` ends with '\n'. False: dropped.
  bool push(Kind kind, std::string_view line);

  // Waits until all that was pushed is written or lost, at most `patience`. False: it is not. May
  // be called in a signal handler.
  bool flush(std::chrono::milliseconds patience) const;

  // Writes what waits, at most `patience`, then ends the thread; one that hangs in a write is left
  // behind with its memory (false). What is pushed from now on is dropped.
  bool stop(std::chrono::milliseconds patience);

  [[nodiscard]] DroppedLines dropped() const;
  [[nodiscard]] std::size_t bytes_waiting() const;

 private:
  struct State;

  static void run(State& state);

  std::shared_ptr<State> state_;  // the thread's too
  std::thread thread_;
};

// Writes all of `bytes`, waiting where the descriptor does not take them yet. Returns how many
// were written before an error.
std::size_t write_whole(int descriptor, std::string_view bytes);

}  // namespace maru::log
