// Reads JSON from the network (RFC 8259) through simdjson, which only json/reader.cpp includes.
//
// A Parser owns its buffers; a Value is a view into its parser's last document and ends with the
// next parse() or the parser. One thread each. Errors: kInvalidJson. Refused beyond the grammar:
// duplicate keys, depth > kJsonDepthMax, more than kJsonNodesMax nodes, lone surrogates in strings,
// NUL in keys, invalid UTF-8 (quality.md 1, rows 12 and 18). A string value may hold a NUL, as any
// control character: whoever gives it a meaning (text/, an id) refuses it. No recursion on the
// depth of the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/error.hpp"

namespace maru::json {

enum class Kind : std::uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

class Value {
 public:
  Value() = default;  // absent: kind() is kNull, every as_ is nothing

  [[nodiscard]] bool present() const { return document_ != nullptr; }
  [[nodiscard]] Kind kind() const;
  [[nodiscard]] bool is_null() const { return kind() == Kind::kNull; }
  [[nodiscard]] bool is_object() const { return kind() == Kind::kObject; }
  [[nodiscard]] bool is_array() const { return kind() == Kind::kArray; }

  // Nothing when the value is of another kind (or does not fit).
  [[nodiscard]] std::optional<std::string_view> as_string() const;
  [[nodiscard]] std::optional<std::int64_t> as_integer() const;  // 3 and 3.0, not 3.5
  [[nodiscard]] std::optional<bool> as_bool() const;

  // Object: the field, or an absent value. Anything else: an absent value.
  [[nodiscard]] Value operator[](std::string_view key) const;
  // Array: the element, or an absent value past its end. O(index).
  [[nodiscard]] Value at(std::size_t index) const;
  // Array or object: number of elements; else 0.
  [[nodiscard]] std::size_t size() const;

  // In document order.
  template <class F>  // F(Value)
  void for_each_element(F&& visit) const {
    for (Cursor c = first_child(); c.valid; c = next_child(c)) visit(c.value());
  }
  template <class F>  // F(std::string_view key, Value)
  void for_each_field(F&& visit) const {
    for (Cursor c = first_child(); c.valid; c = next_child(c)) visit(c.key, c.value());
  }

 private:
  friend class Parser;
  struct Cursor {
    const void* document = nullptr;
    std::size_t index = 0;
    std::size_t end = 0;
    std::string_view key;
    bool is_field = false;
    bool valid = false;
    [[nodiscard]] Value value() const { return Value(document, index); }
  };
  Value(const void* document, std::size_t index) : document_(document), index_(index) {}
  [[nodiscard]] Cursor first_child() const;
  [[nodiscard]] static Cursor next_child(const Cursor& cursor);

  const void* document_ = nullptr;
  std::size_t index_ = 0;
};

class Parser {
 public:
  Parser();
  ~Parser();
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  // `text` is copied. Empty input is an error.
  [[nodiscard]] Result<Value> parse(std::string_view text);
  // Overwrites what is held of the last text; its values are not to be used any more.
  void forget();
  // Whether the last refusal was one of our own rules beyond the grammar (depth, nodes, duplicate
  // keys, NUL in one, lone surrogates): a front end may then answer instead of closing the
  // connection.
  [[nodiscard]] bool refused_by_rule() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace maru::json
