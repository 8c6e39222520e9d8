// The parsed form that json::Value walks: a document's values in document order, each followed by
// its children. Part of json/ alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "json/reader.hpp"

namespace maru::json {

enum class NumberForm : std::uint8_t { kSigned, kUnsigned, kDouble };

struct Node {
  std::string_view key;   // a field's name; empty elsewhere
  std::uint32_t end = 0;  // index after this value's last descendant
  Kind kind = Kind::kNull;
  NumberForm form = NumberForm::kSigned;
  union {
    std::int64_t integer = 0;
    std::uint64_t unsigned_integer;
    double real;
    bool boolean;
    const char* text;     // kString
    std::uint64_t count;  // kArray, kObject: elements
  };
  std::size_t text_bytes = 0;
};

using Nodes = std::vector<Node>;

}  // namespace maru::json
