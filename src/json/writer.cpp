#include "json/writer.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

namespace maru::json {
namespace {

constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101;
constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080;

constexpr std::uint64_t zero_bytes(std::uint64_t word) {
  return (word - kOnes) & ~word & kHighBits;
}

// Whether any of the eight bytes is a control character, a quote or a backslash: the test for a
// byte below n, or equal to c, is exact as a whole though not for each byte.
constexpr bool needs_escape(std::uint64_t word) {
  const std::uint64_t below_space = (word - kOnes * 0x20) & ~word & kHighBits;
  return (below_space | zero_bytes(word ^ (kOnes * '"')) | zero_bytes(word ^ (kOnes * '\\'))) != 0;
}

constexpr bool needs_escape(unsigned char c) {
  return c < 0x20 || c == '"' || c == '\\';
}

// The bytes at the front of `text` that go out as they are.
std::size_t plain_prefix(std::string_view text) {
  std::size_t i = 0;
  while (i + sizeof(std::uint64_t) <= text.size()) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + i, sizeof word);
    if (needs_escape(word)) break;
    i += sizeof word;
  }
  while (i < text.size() && !needs_escape(static_cast<unsigned char>(text[i]))) ++i;
  return i;
}

void append_escape(std::string& out, unsigned char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\b':
      out.append("\\b");
      return;
    case '\f':
      out.append("\\f");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      out.append("\\u00");
      out.push_back(kHex[c >> 4]);
      out.push_back(kHex[c & 15]);
  }
}

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 32> buffer;  // the longest double takes 24
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  out.append(buffer.data(), end.ptr);
}

}  // namespace

void append_escaped(std::string& out, std::string_view text) {
  for (;;) {
    const std::size_t plain = plain_prefix(text);
    out.append(text.substr(0, plain));
    if (plain == text.size()) return;
    append_escape(out, static_cast<unsigned char>(text[plain]));
    text.remove_prefix(plain + 1);
  }
}

void Writer::comma() {
  if (needs_comma_) out_.push_back(',');
  needs_comma_ = true;
}

Writer& Writer::open(char bracket) {
  comma();
  out_.push_back(bracket);
  needs_comma_ = false;
  return *this;
}

Writer& Writer::close(char bracket) {
  out_.push_back(bracket);
  needs_comma_ = true;
  return *this;
}

Writer& Writer::key(std::string_view name) {
  comma();
  out_.push_back('"');
  out_.append(name);
  out_.append("\":", 2);
  needs_comma_ = false;
  return *this;
}

Writer& Writer::key_escaped(std::string_view name) {
  string(name);
  out_.push_back(':');
  needs_comma_ = false;
  return *this;
}

Writer& Writer::string(std::string_view text) {
  comma();
  out_.push_back('"');
  append_escaped(out_, text);
  out_.push_back('"');
  return *this;
}

Writer& Writer::integer(std::int64_t number) {
  comma();
  append_number(out_, number);
  return *this;
}

Writer& Writer::integer(std::uint64_t number) {
  comma();
  append_number(out_, number);
  return *this;
}

Writer& Writer::number(double number) {
  if (!std::isfinite(number)) return null();
  comma();
  append_number(out_, number);
  return *this;
}

Writer& Writer::boolean(bool value) {
  return raw(value ? std::string_view("true") : std::string_view("false"));
}

Writer& Writer::null() {
  return raw("null");
}

Writer& Writer::time(WallTime time) {
  comma();
  const std::size_t at = out_.size();
  out_.resize(at + 26, '"');
  write_rfc3339(time, out_.data() + at + 1);
  return *this;
}

Writer& Writer::raw(std::string_view json) {
  comma();
  out_.append(json);
  return *this;
}

}  // namespace maru::json
