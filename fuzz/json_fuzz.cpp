// The JSON reader on any bytes: what it accepts keeps its promises (json/reader.hpp), is written
// and read back as the same document, and does not depend on what the parser read before.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/limits.hpp"
#include "check.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"
#include "text/text.hpp"

namespace {

using maru::json::Kind;
using maru::json::Parser;
using maru::json::Value;
using maru::json::Writer;

void check_string(std::string_view text) {
  MARU_FUZZ_CHECK(maru::text::is_valid_utf8(text));
}

void check_key(std::string_view text) {
  check_string(text);
  MARU_FUZZ_CHECK(!text.contains('\0'));
}

class Copier {
 public:
  explicit Copier(std::string& out) : writer_(out) {}

  void copy(Value value, std::size_t depth) {
    MARU_FUZZ_CHECK(value.present());
    MARU_FUZZ_CHECK(++nodes_ <= maru::limits::kJsonNodesMax);
    switch (value.kind()) {
      case Kind::kNull:
        writer_.null();
        return;
      case Kind::kBool:
        writer_.boolean(value.as_bool().value());
        return;
      case Kind::kNumber:
        // There is no door for other numbers; they only have to stay numbers.
        if (const auto integer = value.as_integer()) {
          writer_.integer(*integer);
        } else {
          writer_.number(0.5);
        }
        return;
      case Kind::kString:
        check_string(value.as_string().value());
        writer_.string(*value.as_string());
        return;
      case Kind::kArray:
        copy_array(value, depth + 1);
        return;
      case Kind::kObject:
        copy_object(value, depth + 1);
        return;
    }
  }

 private:
  void copy_array(Value value, std::size_t depth) {
    MARU_FUZZ_CHECK(depth <= maru::limits::kJsonDepthMax);
    std::size_t count = 0;
    writer_.begin_array();
    value.for_each_element([&](Value element) {
      MARU_FUZZ_CHECK(value.at(count).kind() == element.kind());
      ++count;
      copy(element, depth);
    });
    writer_.end_array();
    MARU_FUZZ_CHECK(count == value.size());
    MARU_FUZZ_CHECK(!value.at(count).present());
  }

  void copy_object(Value value, std::size_t depth) {
    MARU_FUZZ_CHECK(depth <= maru::limits::kJsonDepthMax);
    std::set<std::string_view> keys;
    writer_.begin_object();
    value.for_each_field([&](std::string_view key, Value field) {
      check_key(key);
      MARU_FUZZ_CHECK(keys.insert(key).second);
      MARU_FUZZ_CHECK(value[key].present());
      writer_.key_escaped(key);
      copy(field, depth);
    });
    writer_.end_object();
    MARU_FUZZ_CHECK(keys.size() == value.size());
  }

  Writer writer_;
  std::size_t nodes_ = 0;
};

std::string copy_of(Value value) {
  std::string out;
  Copier(out).copy(value, 0);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Parser used;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Parser fresh;
  const auto value = fresh.parse(text);
  const auto again = used.parse(text);
  MARU_FUZZ_CHECK(value.has_value() == again.has_value());
  if (!value) {
    MARU_FUZZ_CHECK(value.error().code == maru::ErrorCode::kInvalidJson);
    MARU_FUZZ_CHECK(!value.error().detail.empty());
    return 0;
  }
  const std::string once = copy_of(*value);
  MARU_FUZZ_CHECK(once == copy_of(*again));
  const auto reread = used.parse(once);
  MARU_FUZZ_CHECK(reread.has_value());
  MARU_FUZZ_CHECK(copy_of(*reread) == once);
  return 0;
}
