// Writes compact JSON into a string that the caller owns; commas take care of themselves. Strings
// must be valid UTF-8 (all stored text is); they are escaped as RFC 8259 asks and no more.
// Any thread, one writer each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/id.hpp"

namespace maru::json {

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  Writer& begin_object() { return open('{'); }
  Writer& end_object() { return close('}'); }
  Writer& begin_array() { return open('['); }
  Writer& end_array() { return close(']'); }

  // `name` is a plain literal of ours: written without escaping.
  Writer& key(std::string_view name);
  // A key that needs escaping (client-made).
  Writer& key_escaped(std::string_view name);

  Writer& string(std::string_view text);
  Writer& integer(std::int64_t number);
  Writer& integer(std::uint64_t number);
  Writer& number(double number);  // finite; NaN and infinities become null
  Writer& boolean(bool value);
  Writer& null();
  Writer& time(WallTime time);  // RFC 3339 in quotes
  template <class Tag>
  Writer& id(const ObjectId<Tag>& id) {
    comma();
    const std::size_t at = out_.size();
    out_.resize(at + 26, '"');
    id.write_hex(out_.data() + at + 1);
    return *this;
  }
  // Already JSON.
  Writer& raw(std::string_view json);
  // Where the caller appends one whole value by itself: a form that is written very often.
  [[nodiscard]] std::string& raw_value() {
    comma();
    return out_;
  }

 private:
  Writer& open(char bracket);
  Writer& close(char bracket);
  void comma();

  std::string& out_;
  bool needs_comma_ = false;
};

// Appends `text` with JSON's escapes, without quotes.
void append_escaped(std::string& out, std::string_view text);

}  // namespace maru::json
