#include "base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "base/clock.hpp"

namespace maru::log {
namespace {

struct Target {
  std::shared_ptr<spdlog::logger> logger;
  Format format = Format::kText;
  Level level = Level::kInfo;
};

Target& target() {
  static Target instance = [] {
    auto logger =
        std::make_shared<spdlog::logger>("maru", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%v");
    logger->set_level(spdlog::level::trace);
    logger->flush_on(spdlog::level::trace);
    return Target{std::move(logger)};
  }();
  return instance;
}

constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error"};

void append_escaped(std::string& out, std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text);
  out += '"';
}

std::string json_line(Level level, std::string_view event, std::initializer_list<Field> fields) {
  std::string line = R"({"time":")" + to_rfc3339(SystemClock().wall()) + R"(","level":")";
  line += kLevelNames[static_cast<int>(level)];
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
    if (byte <= 0x20 || byte == 0x7f || c == '"' || c == '\\' || c == '=') return false;
  }
  return true;
}

std::string text_line(Level level, std::string_view event, std::initializer_list<Field> fields) {
  std::string line = to_rfc3339(SystemClock().wall());
  line += ' ';
  line += kLevelNames[static_cast<int>(level)];
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

}  // namespace

void configure(Format format, Level level) {
  target().format = format;
  target().level = level;
}

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  Target& out = target();
  if (level < out.level) return;
  static constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                          spdlog::level::warn, spdlog::level::err};
  const std::string line = out.format == Format::kJson ? json_line(level, event, fields)
                                                       : text_line(level, event, fields);
  out.logger->log(kLevels[static_cast<int>(level)], "{}", line);
}

}  // namespace maru::log
