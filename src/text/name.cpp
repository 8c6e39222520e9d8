#include "text/name.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/limits.hpp"
#include "text/text.hpp"
#include "text/unicode.hpp"
#include "text/utf8.hpp"

namespace maru::text {
namespace {

// Room for any canonical decomposition of each code point and for some spaces to trim; beyond it
// nobody typed a name.
constexpr std::size_t kRawBytesPerCodePoint = 32;

struct NameRule {
  const char* field;
  std::size_t code_points_max;
};
constexpr NameRule kUserName{"userName", limits::kUserNameCodePointsMax};
constexpr NameRule kChatName{"chatName", limits::kChatNameCodePointsMax};

std::unexpected<Error> refuse_length(const NameRule& rule, std::size_t actual) {
  return std::unexpected(
      Error{ErrorCode::kValidationFailed,
            "The name has more than " + std::to_string(rule.code_points_max) + " characters.",
            {FieldError{rule.field, "too_long", static_cast<std::int64_t>(rule.code_points_max),
                        static_cast<std::int64_t>(actual)}},
            0});
}

// Blank or shown so: a name must have something to see and something to compare by.
bool is_invisible(std::string_view name) {
  constexpr char32_t kBraillePatternBlank = 0x2800;
  for (std::size_t at = 0; at < name.size();) {
    const char32_t c = utf8::decode(name, at);
    if (c != kBraillePatternBlank && !is_white_space(c) && !is_default_ignorable(c)) return false;
  }
  return true;
}

Result<std::string> clean_name(const NameRule& rule, std::string_view raw) {
  if (raw.size() > kRawBytesPerCodePoint * rule.code_points_max) {
    return refuse_length(rule, count_code_points(raw));
  }
  if (!is_valid_utf8(raw)) {
    return fail_field(rule.field, "format", "The name is not valid UTF-8.");
  }
  std::string name = with_single_spaces(to_nfc(raw));
  if (name.empty()) return fail_field(rule.field, "required", "The name is empty.");
  if (has_character_refused_in_names(name)) {
    return fail_field(rule.field, "format", "The name has a control, format or filler character.");
  }
  const std::size_t code_points = count_code_points(name);
  if (code_points > rule.code_points_max) return refuse_length(rule, code_points);
  if (is_invisible(name)) {
    return fail_field(rule.field, "format", "The name has no visible character.");
  }
  return name;
}

}  // namespace

std::string with_single_spaces(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  std::string held;  // white space that the end of the text would make trailing
  for (std::size_t at = 0; at < utf8.size();) {
    const char32_t c = utf8::decode(utf8, at);
    if (is_space_separator(c)) {
      if (!held.ends_with(' ')) held.push_back(' ');
    } else if (is_white_space(c)) {
      utf8::append(held, c);  // inside a name it is refused as a control character
    } else {
      if (!out.empty()) out.append(held);
      held.clear();
      utf8::append(out, c);
    }
  }
  return out;
}

bool has_character_refused_in_names(std::string_view utf8) {
  for (std::size_t at = 0; at < utf8.size();) {
    if (is_refused_in_names(utf8::decode(utf8, at))) return true;
  }
  return false;
}

Result<std::string> clean_user_name(std::string_view raw) {
  Result<std::string> name = clean_name(kUserName, raw);
  if (name && is_reserved_name(fold_name(*name))) {
    return std::unexpected(Error{ErrorCode::kNameTaken,
                                 "The name is reserved.",
                                 {FieldError{kUserName.field, "reserved"}},
                                 0});
  }
  return name;
}

Result<std::string> clean_chat_name(std::string_view raw) {
  return clean_name(kChatName, raw);
}

std::string fold_name(std::string_view name) {
  const bool is_ascii =
      std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (!is_ascii) return nfkc_casefold(name);
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_reserved_name(std::string_view folded) {
  // The last is what stands where a deleted user's name was.
  constexpr std::array<std::string_view, 5> kReserved = {"system", "시스템", "admin", "maru",
                                                         "탈퇴한 사용자"};
  return std::ranges::find(kReserved, folded) != kReserved.end();
}

}  // namespace maru::text
