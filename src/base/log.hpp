// Structured logs: an event name and facts with keys, never message text, tokens or secrets.
// Any thread. Text lines on a terminal, one JSON object a line otherwise. Control characters (C0,
// C1), line separators and marks that turn the direction of text are escaped, and what is no UTF-8
// becomes U+FFFD, so that nobody can forge a line or break its reader (quality.md 1, row 16).
//
// Lines go to stderr: at once, until start(); from then on a thread writes them (log_queue.hpp), so
// that nobody waits for whoever reads stderr, and past a bound they are dropped and counted.
//
//   log::info("listener_ready", {{"port", port}, {"host", host}});
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace maru::log {

enum class Level : std::uint8_t { kDebug, kInfo, kWarn, kError };
enum class Format : std::uint8_t { kText, kJson };

struct Field {
  std::string_view key;
  std::string value;
  bool quoted = true;  // false: the value is a JSON number or boolean

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  Field(std::string_view k, bool v) : key(k), value(v ? "true" : "false"), quoted(false) {}
  Field(std::string_view k, std::integral auto v)
      : key(k), value(std::to_string(v)), quoted(false) {}
};

// Once, before other threads start. Until then everything from kInfo up goes to stderr as text.
void configure(Format format, Level level);

// From now on lines wait in memory for a thread that writes them; at most `bytes` of them, half of
// it for the audit trail. Once, before other threads start, with the signals blocked that only the
// main thread takes.
void start(std::size_t bytes);
// What waits is written, at most for `patience`; then the thread ends, and later lines are written
// at once. If stderr still takes nothing, they and what is left are dropped.
void stop(std::chrono::milliseconds patience);
// Waits until all lines so far are written or lost, at most `patience`. May be called in a signal
// handler.
void flush(std::chrono::milliseconds patience);

struct DroppedLines;
// Since the start. Any thread.
DroppedLines dropped_lines();
std::size_t bytes_waiting();

void write(Level level, std::string_view event, std::initializer_list<Field> fields);

// The audit trail (quality.md 1, row 30): who did what, from where. One record an action, named
// audit_…; written whatever the level.
void audit(std::string_view event, std::initializer_list<Field> fields);

// One that clients can cause without end. Of the same event, `what` and `who` the first `in_full`
// in a minute are written like any other; the rest of it is counted, and one record of the event
// with `what`, `who` and `count` tells it when the minute is over, or at stop(). Before start()
// nothing is counted: with `in_full` each is written, without it none.
struct Repeated {
  Field what;  // {"limit", …}; its value may be empty: then the event says all
  Field who;   // {"network", …}
  unsigned in_full = 1;
};
void audit_repeated(std::string_view event, const Repeated& repeated,
                    std::initializer_list<Field> fields);

// An error before the process ends itself: never dropped, and waited for (a second at most).
void last_words(std::string_view event, std::initializer_list<Field> fields);

inline void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::kDebug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::kInfo, event, fields);
}
inline void warn(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::kWarn, event, fields);
}
inline void error(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::kError, event, fields);
}

}  // namespace maru::log
