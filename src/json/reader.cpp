#include "json/reader.hpp"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "base/limits.hpp"
#include "json/node.hpp"
#include "json/tape_index.hpp"

namespace maru::json {
namespace {

// simdjson's scratch takes about 14 bytes per byte of input. It is kept for documents up to here;
// what a larger one needed is freed before parse() returns, but for the strings. So a parser holds
// less than 256 KiB between documents of kMaxPayloadBytes.
constexpr std::size_t kKeptCapacityBytes = std::size_t{8} * 1024;
constexpr std::size_t kCapacityBytesMin = 1024;
// Nothing that the server reads comes near; keeps every offset in 32 bits.
constexpr std::size_t kDocumentBytesMax = std::size_t{16} * 1024 * 1024;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool fits_64_bits(std::string_view integer) {
  std::int64_t as_signed;
  std::uint64_t as_unsigned;
  const char* const begin = integer.data();
  const char* const end = begin + integer.size();
  return std::from_chars(begin, end, as_signed).ec == std::errc() ||
         std::from_chars(begin, end, as_unsigned).ec == std::errc();
}

// RFC 8259 sets no bound on integers, and JavaScript prints 1e20 with all its digits, but simdjson
// refuses integers beyond 64 bits. Appends `e0` to each of them, so that it is read as a double.
// Looks at tokens only: whether the whole is JSON stays simdjson's word.
std::string with_large_integers_as_doubles(std::string_view text) {
  constexpr std::string_view kIntegerBytes = "-0123456789";
  constexpr std::string_view kNumberBytes = "-0123456789.eE+";
  std::string out;
  out.reserve(text.size() + text.size() / 10);  // two bytes for 20 or more
  bool in_string = false;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (in_string || !kIntegerBytes.contains(c)) {
      if (in_string && c == '\\' && i + 1 < text.size()) out.push_back(text[i++]);
      if (c == '"') in_string = !in_string;
      out.push_back(text[i++]);
      continue;
    }
    const std::size_t end = std::min(text.find_first_not_of(kNumberBytes, i), text.size());
    const std::string_view number = text.substr(i, end - i);
    out.append(number);
    const bool is_integer = number.find_first_not_of(kIntegerBytes) == std::string_view::npos;
    if (is_integer && !fits_64_bits(number)) out.append("e0");
    i = end;
  }
  return out;
}

// "\ud800" to "\udfff": well-formed as an escape, though alone it is no character.
bool has_surrogate_escape(std::string_view text) {
  for (std::size_t at = text.find("\\u"); at != text.npos; at = text.find("\\u", at + 2)) {
    const std::string_view digits = text.substr(at + 2, 2);
    if (digits.size() == 2 && (digits[0] | 0x20) == 'd' && digits[1] >= '8') return true;
  }
  return false;
}

Error describe(simdjson::error_code code) {
  switch (code) {
    case simdjson::DEPTH_ERROR:
      return {ErrorCode::kInvalidJson, "The JSON is nested deeper than 16 levels.", {}, 0};
    case simdjson::UTF8_ERROR:
      return {ErrorCode::kInvalidJson, "The JSON is not valid UTF-8.", {}, 0};
    case simdjson::NUMBER_ERROR:
      return {ErrorCode::kInvalidJson, "The JSON has a number that cannot be read.", {}, 0};
    case simdjson::MEMALLOC:
      return {ErrorCode::kUnavailable, "There is no memory to read the JSON.", {}, 0};
    default:
      return {ErrorCode::kInvalidJson, "The text is not JSON.", {}, 0};
  }
}

const Nodes& nodes_of(const void* document) {
  return *static_cast<const Nodes*>(document);
}

}  // namespace

struct Parser::Implementation {
  // The scratch of one size: simdjson's buffers and the padded copy of the input.
  struct Scratch {
    std::size_t capacity = 0;
    simdjson::dom::parser parser{simdjson::SIMDJSON_MAXSIZE_BYTES};
    simdjson::dom::document document;
    std::unique_ptr<char[]> padded;
  };

  Scratch scratch;
  std::unique_ptr<std::uint8_t[]> large_strings;  // of the last document, when its scratch is gone
  TapeIndex index;
  Nodes nodes;
  bool refused_by_rule = false;
  std::size_t text_bytes = 0;  // the longest since forget()

  simdjson::error_code reserve(std::size_t bytes);
  simdjson::error_code read(std::string_view text);
  void free_large_scratch();
};

simdjson::error_code Parser::Implementation::reserve(std::size_t bytes) {
  if (bytes <= scratch.capacity) return simdjson::SUCCESS;
  const std::size_t capacity = std::bit_ceil(std::max(bytes, kCapacityBytesMin));
  scratch = Scratch{};
  // One more than ours: simdjson counts the document itself as a level.
  if (auto error = scratch.parser.allocate(capacity, limits::kJsonDepthMax + 1)) return error;
  if (auto error = scratch.document.allocate(capacity)) return error;
  scratch.padded.reset(new (std::nothrow) char[capacity + simdjson::SIMDJSON_PADDING]);
  if (!scratch.padded) return simdjson::MEMALLOC;
  scratch.capacity = capacity;
  return simdjson::SUCCESS;
}

simdjson::error_code Parser::Implementation::read(std::string_view text) {
  if (auto error = reserve(text.size())) return error;
  text_bytes = std::max(text_bytes, text.size());
  std::memcpy(scratch.padded.get(), text.data(), text.size());
  std::memset(scratch.padded.get() + text.size(), 0, simdjson::SIMDJSON_PADDING);
  return scratch.parser
      .parse_into_document(scratch.document, scratch.padded.get(), text.size(), false)
      .error();
}

void Parser::Implementation::free_large_scratch() {
  if (scratch.capacity <= kKeptCapacityBytes) return;
  large_strings = std::move(scratch.document.string_buf);
  scratch = Scratch{};
}

Parser::Parser() : implementation_(std::make_unique<Implementation>()) {}
Parser::~Parser() = default;

Result<Value> Parser::parse(std::string_view text) {
  Implementation& self = *implementation_;
  self.nodes.clear();
  self.large_strings.reset();
  self.refused_by_rule = false;
  if (text.empty()) return fail(ErrorCode::kInvalidJson, "The text is empty.");
  if (text.size() > kDocumentBytesMax) {
    return fail(ErrorCode::kInvalidJson, "The JSON is too large.");
  }
  if (text.starts_with(kByteOrderMark)) {
    return fail(ErrorCode::kInvalidJson, "The JSON starts with a byte order mark.");
  }
  simdjson::error_code error = self.read(text);
  if (error == simdjson::NUMBER_ERROR) {
    const std::string rewritten = with_large_integers_as_doubles(text);
    if (rewritten.size() > text.size()) {
      error = self.read(rewritten);
    }
  }
  Result<void> indexed;
  if (error) {
    indexed = std::unexpected(describe(error));
  } else {
    const Escapes escapes = text.contains('\\') ? Escapes::kSome : Escapes::kNone;
    indexed = self.index.build(self.scratch.document.tape.get(),
                               self.scratch.document.string_buf.get(), escapes, self.nodes);
  }
  self.free_large_scratch();
  if (!indexed) {
    self.refused_by_rule = !error || error == simdjson::DEPTH_ERROR ||
                           (error == simdjson::STRING_ERROR && has_surrogate_escape(text));
    self.nodes.clear();
    self.large_strings.reset();
    return std::unexpected(std::move(indexed.error()));
  }
  return Value(&self.nodes, 0);
}

void Parser::forget() {
  Implementation& self = *implementation_;
  const std::size_t bytes = std::exchange(self.text_bytes, 0);
  if (self.scratch.padded) explicit_bzero(self.scratch.padded.get(), bytes);
  // simdjson needs up to 5/3 of the text for the strings it has unescaped.
  for (auto* strings : {&self.scratch.document.string_buf, &self.large_strings}) {
    if (*strings) explicit_bzero(strings->get(), 5 * bytes / 3);
  }
  self.nodes.clear();
}

bool Parser::refused_by_rule() const {
  return implementation_->refused_by_rule;
}

Kind Value::kind() const {
  return document_ == nullptr ? Kind::kNull : nodes_of(document_)[index_].kind;
}

std::optional<std::string_view> Value::as_string() const {
  if (kind() != Kind::kString) return std::nullopt;
  const Node& node = nodes_of(document_)[index_];
  return std::string_view(node.text, node.text_bytes);
}

std::optional<std::int64_t> Value::as_integer() const {
  if (kind() != Kind::kNumber) return std::nullopt;
  const Node& node = nodes_of(document_)[index_];
  switch (node.form) {
    case NumberForm::kSigned:
      return node.integer;
    case NumberForm::kUnsigned:  // simdjson uses it beyond the signed range only
      return std::nullopt;
    case NumberForm::kDouble:
      break;
  }
  // From 2^53 on a double may stand for a neighbour of the integer that was written.
  constexpr double kExactEnd = 9007199254740992.0;
  if (!(node.real > -kExactEnd && node.real < kExactEnd)) return std::nullopt;
  if (std::trunc(node.real) != node.real) return std::nullopt;
  return static_cast<std::int64_t>(node.real);
}

std::optional<bool> Value::as_bool() const {
  if (kind() != Kind::kBool) return std::nullopt;
  return nodes_of(document_)[index_].boolean;
}

Value Value::operator[](std::string_view key) const {
  if (kind() != Kind::kObject) return {};
  const Nodes& nodes = nodes_of(document_);
  const std::size_t end = nodes[index_].end;
  for (std::size_t i = index_ + 1; i < end; i = nodes[i].end) {
    if (nodes[i].key == key) return {document_, i};
  }
  return {};
}

Value Value::at(std::size_t index) const {
  if (kind() != Kind::kArray) return {};
  const Nodes& nodes = nodes_of(document_);
  if (index >= nodes[index_].count) return {};
  std::size_t i = index_ + 1;
  for (; index > 0; --index) i = nodes[i].end;
  return {document_, i};
}

std::size_t Value::size() const {
  const Kind this_kind = kind();
  if (this_kind != Kind::kArray && this_kind != Kind::kObject) return 0;
  return nodes_of(document_)[index_].count;
}

Value::Cursor Value::first_child() const {
  if (size() == 0) return {};
  const Nodes& nodes = nodes_of(document_);
  return {document_,
          index_ + 1,
          nodes[index_].end,
          nodes[index_ + 1].key,
          nodes[index_].kind == Kind::kObject,
          true};
}

Value::Cursor Value::next_child(const Cursor& cursor) {
  const Nodes& nodes = nodes_of(cursor.document);
  const std::size_t next = nodes[cursor.index].end;
  if (next >= cursor.end) return {};
  return {cursor.document, next, cursor.end, nodes[next].key, cursor.is_field, true};
}

}  // namespace maru::json
