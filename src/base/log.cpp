#include "base/log.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/audit_tally.hpp"
#include "base/clock.hpp"
#include "base/log_queue.hpp"
#include "base/memory.hpp"

namespace maru::log {
namespace {

// Some 200 KB; so many networks that pass a limit within a minute are told apart.
constexpr std::size_t kTallyRowsMax = 1024;

struct Target {
  Format format = Format::kText;
  Level level = Level::kInfo;
  std::atomic<LogQueue*> queue{nullptr};  // null: lines are written at once
  AuditTally tally{kTallyRowsMax};
};

// For ever: a thread that hangs in a write may still look at it while the process ends.
Target& target() {
  static auto& instance = *new Target;
  return instance;
}

constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error"};
constexpr std::string_view kAudit = "audit";  // stands where a level does

struct Decoded {
  std::uint32_t code_point = 0;
  std::size_t size = 0;  // 0: no UTF-8 (RFC 3629)
};

Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return {};
  std::uint32_t code_point = first & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return {};
    code_point = code_point << 6U | (byte(i) & 0x3fU);
  }
  static constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
  if (code_point < kSmallest[size] || code_point > 0x10ffff || is_surrogate) return {};
  return {code_point, size};
}

// What could end a line, command a terminal, or show a line in another order than it has.
bool is_unsafe(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || c == 0x200e || c == 0x200f ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void append_escape(std::string& out, std::uint32_t c) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) out += kDigits[c >> shift & 15U];
}

void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const Decoded next = decode(text);
    const std::size_t size = next.size == 0 ? 1 : next.size;
    if (next.size == 0) {
      append_escape(out, 0xfffd);
    } else if (is_unsafe(next.code_point)) {
      append_escape(out, next.code_point);
    } else {
      if (text.front() == '"' || text.front() == '\\') out += '\\';
      out += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text);
  out += '"';
}

std::string json_line(std::string_view level, std::string_view event,
                      std::initializer_list<Field> fields) {
  std::string line = R"({"time":")" + to_rfc3339(SystemClock().wall()) + R"(","level":")";
  line += level;
  line += R"(","event":)";
  append_quoted(line, event);
  for (const Field& field : fields) {
    line += ',';
    append_quoted(line, field.key);
    line += ':';
    if (field.quoted) {
      append_quoted(line, field.value);
    } else {
      line += field.value;
    }
  }
  line += '}';
  return line;
}

bool is_plain(std::string_view value) {
  if (value.empty()) return false;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '"' || c == '\\' || c == '=') return false;
  }
  return true;
}

std::string text_line(std::string_view level, std::string_view event,
                      std::initializer_list<Field> fields) {
  std::string line = to_rfc3339(SystemClock().wall());
  line += ' ';
  line += level;
  line += ' ';
  append_escaped(line, event);
  for (const Field& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    if (is_plain(field.value)) {
      line += field.value;
    } else {
      append_quoted(line, field.value);
    }
  }
  return line;
}

std::string make_line(std::string_view level, std::string_view event,
                      std::initializer_list<Field> fields) {
  std::string line = target().format == Format::kJson ? json_line(level, event, fields)
                                                      : text_line(level, event, fields);
  line += '\n';
  return line;
}

void write_line(Kind kind, std::string_view level, std::string_view event,
                std::initializer_list<Field> fields) {
  std::string line;
  if (!memory::survive([&] { line = make_line(level, event, fields); })) return;
  if (LogQueue* queue = target().queue.load(std::memory_order_acquire)) {
    queue->push(kind, line);
  } else {
    write_whole(STDERR_FILENO, line);
  }
}

void write_counted(const std::vector<AuditTally::Counted>& minutes) {
  for (const auto& [key, count] : minutes) {
    const Field who{key.who_name, key.who};
    if (key.what.empty()) {
      write_line(Kind::kAudit, kAudit, key.event, {who, {"count", count}});
    } else {
      write_line(Kind::kAudit, kAudit, key.event,
                 {{key.what_name, key.what}, who, {"count", count}});
    }
  }
}

std::string dropped_line(const DroppedLines& dropped) {
  return make_line(
      "warn", "log_lines_dropped",
      {{"audit", dropped.audit}, {"other", dropped.other}, {"unwritten", dropped.unwritten}});
}

}  // namespace

void configure(Format format, Level level) {
  target().format = format;
  target().level = level;
}

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (level < target().level) return;
  const Kind kind = level < Level::kWarn ? Kind::kDetail : Kind::kTrouble;
  write_line(kind, kLevelNames[static_cast<std::size_t>(level)], event, fields);
}

void audit(std::string_view event, std::initializer_list<Field> fields) {
  write_line(Kind::kAudit, kAudit, event, fields);
}

void audit_repeated(std::string_view event, const Repeated& repeated,
                    std::initializer_list<Field> fields) {
  Target& out = target();
  const auto& [what, who, in_full] = repeated;
  const bool is_written = out.queue.load(std::memory_order_acquire) == nullptr
                              ? in_full > 0
                              : out.tally.take({std::string(event), std::string(what.key),
                                                what.value, std::string(who.key), who.value},
                                               in_full, SystemClock().monotonic());
  if (is_written) audit(event, fields);
}

void last_words(std::string_view event, std::initializer_list<Field> fields) {
  write_line(Kind::kLastWords, kLevelNames[static_cast<std::size_t>(Level::kError)], event, fields);
  flush(std::chrono::seconds(1));
}

void start(std::size_t bytes) {
  const std::size_t half = bytes / 2;
  target().queue = new LogQueue(
      STDERR_FILENO, {half, half},
      {dropped_line, [] { write_counted(target().tally.collect(SystemClock().monotonic())); }});
}

void stop(std::chrono::milliseconds patience) {
  LogQueue* queue = target().queue.load();
  if (queue == nullptr) return;
  write_counted(target().tally.collect_all());
  if (!queue->stop(patience)) return;
  target().queue = nullptr;
  delete queue;
}

void flush(std::chrono::milliseconds patience) {
  if (const LogQueue* queue = target().queue.load(std::memory_order_acquire))
    queue->flush(patience);
}

DroppedLines dropped_lines() {
  const LogQueue* queue = target().queue.load(std::memory_order_acquire);
  return queue == nullptr ? DroppedLines{} : queue->dropped();
}

std::size_t bytes_waiting() {
  const LogQueue* queue = target().queue.load(std::memory_order_acquire);
  return queue == nullptr ? 0 : queue->bytes_waiting();
}

}  // namespace maru::log
