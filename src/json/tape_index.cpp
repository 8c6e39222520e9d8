#include "json/tape_index.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/limits.hpp"

namespace maru::json {
namespace {

// Up to here comparing each key with those before it is cheaper than sorting.
constexpr std::size_t kLinearKeysMax = 8;
static_assert(limits::kJsonNodesMax == 2100, "the text of the refusal says so");
constexpr std::uint64_t kPayloadMask = 0x00FF'FFFF'FFFF'FFFF;

std::string_view string_at(const std::uint8_t* strings, std::uint64_t offset) {
  std::uint32_t length;
  std::memcpy(&length, strings + offset, sizeof length);
  return {reinterpret_cast<const char*>(strings + offset + sizeof length), length};
}

// The input was valid UTF-8, so that a surrogate (ED A0…BF) can only come from an escape that has
// no partner. Hangul from U+D000 on starts with ED too, hence the look at the next byte.
bool has_surrogate(std::string_view text) {
  for (std::size_t at = text.find('\xED'); at != std::string_view::npos;
       at = text.find('\xED', at + 1)) {
    if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) >= 0xA0) return true;
  }
  return false;
}

void set_number(Node& node, char type, std::uint64_t bits) {
  node.kind = Kind::kNumber;
  if (type == 'l') {
    node.form = NumberForm::kSigned;
    node.integer = std::bit_cast<std::int64_t>(bits);
  } else if (type == 'u') {
    node.form = NumberForm::kUnsigned;
    node.unsigned_integer = bits;
  } else {
    node.form = NumberForm::kDouble;
    node.real = std::bit_cast<double>(bits);
  }
}

void set_value(Node& node, char type, std::string_view text) {
  switch (type) {
    case '{':
    case '[':
      node.kind = type == '{' ? Kind::kObject : Kind::kArray;
      node.count = 0;
      return;
    case '"':
      node.kind = Kind::kString;
      node.text = text.data();
      node.text_bytes = text.size();
      return;
    case 't':
    case 'f':
      node.kind = Kind::kBool;
      node.boolean = type == 't';
      return;
    default:  // 'n'
      node.kind = Kind::kNull;
  }
}

struct OpenContainers {
  std::array<std::uint32_t, limits::kJsonDepthMax> node;
  std::size_t depth = 0;
  [[nodiscard]] std::uint32_t innermost() const { return node[depth - 1]; }
};

}  // namespace

Result<void> TapeIndex::build(const std::uint64_t* tape, const std::uint8_t* strings,
                              Escapes escapes, Nodes& nodes) {
  nodes.clear();
  OpenContainers open;
  std::string_view key;
  bool expects_key = false;
  // Word 0 opens the root; its payload is the index after the word that closes it.
  const std::uint64_t tape_end = (tape[0] & kPayloadMask) - 1;
  for (std::uint64_t at = 1; at < tape_end; ++at) {
    const char type = static_cast<char>(tape[at] >> 56);
    const std::uint64_t payload = tape[at] & kPayloadMask;
    if (type == '}' || type == ']') {
      const std::uint32_t container = open.innermost();
      nodes[container].end = static_cast<std::uint32_t>(nodes.size());
      if (type == '}' && has_duplicate_key(nodes, container)) {
        return fail(ErrorCode::kInvalidJson, "The JSON has an object with the same key twice.");
      }
      --open.depth;
      expects_key = open.depth > 0 && nodes[open.innermost()].kind == Kind::kObject;
      continue;
    }
    std::string_view text;
    if (type == '"') {
      text = string_at(strings, payload);
      if (escapes == Escapes::kSome && has_surrogate(text)) {
        return fail(ErrorCode::kInvalidJson, "The JSON has a lone surrogate in a string.");
      }
      if (expects_key) {
        if (escapes == Escapes::kSome && text.contains('\0')) {
          return fail(ErrorCode::kInvalidJson, "The JSON has a NUL in a key.");
        }
        key = text;
        expects_key = false;
        continue;
      }
    }
    if (nodes.size() == limits::kJsonNodesMax) {
      return fail(ErrorCode::kInvalidJson, "The JSON has more than 2,100 values.");
    }
    const auto index = static_cast<std::uint32_t>(nodes.size());
    if (open.depth > 0) ++nodes[open.innermost()].count;
    Node& node = nodes.emplace_back();
    node.key = key;
    node.end = index + 1;
    key = {};
    if (type == 'l' || type == 'u' || type == 'd') {
      set_number(node, type, tape[++at]);
    } else {
      set_value(node, type, text);
    }
    if (type == '{' || type == '[') {
      if (open.depth == limits::kJsonDepthMax) {
        return fail(ErrorCode::kInvalidJson, "The JSON is nested deeper than 16 levels.");
      }
      open.node[open.depth++] = index;
    }
    expects_key = open.depth > 0 && nodes[open.innermost()].kind == Kind::kObject;
  }
  return {};
}

bool TapeIndex::has_duplicate_key(const Nodes& nodes, std::uint32_t object) {
  const std::uint32_t first = object + 1;
  const std::uint32_t end = nodes[object].end;
  if (nodes[object].count <= kLinearKeysMax) {
    for (std::uint32_t later = first; later < end; later = nodes[later].end) {
      for (std::uint32_t earlier = first; earlier < later; earlier = nodes[earlier].end) {
        if (nodes[earlier].key == nodes[later].key) return true;
      }
    }
    return false;
  }
  keys_.clear();
  for (std::uint32_t i = first; i < end; i = nodes[i].end) keys_.push_back(nodes[i].key);
  std::ranges::sort(keys_);
  return std::ranges::adjacent_find(keys_) != keys_.end();
}

}  // namespace maru::json
