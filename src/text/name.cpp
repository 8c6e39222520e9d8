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

constexpr char32_t kZeroWidthNonJoiner = 0x200C;
constexpr char32_t kZeroWidthJoiner = 0x200D;
constexpr char32_t kObjectReplacement = 0xFFFC;

// In a form that can be looked at: valid UTF-8, NFC, single spaces, of a length that may be.
Result<std::string> readable_name(const NameRule& rule, std::string_view raw) {
  if (raw.size() > kRawBytesPerCodePoint * rule.code_points_max) {
    return refuse_length(rule, count_code_points(raw));
  }
  if (!is_valid_utf8(raw)) {
    return fail_field(rule.field, "format", "The name is not valid UTF-8.");
  }
  std::string name = with_single_spaces(to_nfc(raw));
  if (name.empty()) return fail_field(rule.field, "required", "The name is empty.");
  const std::size_t code_points = count_code_points(name);
  if (code_points > rule.code_points_max) return refuse_length(rule, code_points);
  return name;
}

// A user's name stands for somebody: nothing in it is unseen, so that no two names look the same
// for a character that is not there, and nothing is drawn differently from one screen to the next.
bool may_name_user(char32_t c, char32_t before) {
  if (c == ' ') return true;
  if (is_variation_selector(c)) return before != ' ' && !is_unseen(before);
  return !is_unseen(c) && !is_refused_in_names(c) && !is_without_meaning(c) &&
         c != kObjectReplacement;
}

bool may_name_chat(char32_t c, char32_t) {
  return c == kZeroWidthJoiner || c == kZeroWidthNonJoiner || !is_refused_in_names(c);
}

template <class Rule>
bool holds_for_each(std::string_view name, Rule&& may) {
  char32_t before = ' ';
  for (std::size_t at = 0; at < name.size();) {
    const char32_t c = utf8::decode(name, at);
    if (!may(c, before)) return false;
    before = c;
  }
  return true;
}

// Marks need something to stand on.
bool is_marks_alone(std::string_view name) {
  return holds_for_each(name, [](char32_t c, char32_t) { return is_mark(c) || is_unseen(c); });
}

// Equal for names that look alike: also for those that differ in marks (시스템 with a tone mark).
std::string look_of(std::string_view folded) {
  const std::string drawn = skeleton(folded);
  std::string out;
  for (std::size_t at = 0; at < drawn.size();) {
    const char32_t c = utf8::decode(drawn, at);
    if (!is_mark(c) && !is_default_ignorable(c)) utf8::append(out, c);
  }
  return out;
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
  Result<std::string> name = readable_name(kUserName, raw);
  if (!name) return name;
  if (!holds_for_each(*name, may_name_user)) {
    return fail_field(kUserName.field, "format",
                      "The name has a character that is unseen, or that no name has.");
  }
  if (is_marks_alone(*name)) {
    return fail_field(kUserName.field, "format", "The name has no visible character.");
  }
  if (is_reserved_name(*name)) {
    return std::unexpected(Error{ErrorCode::kNameTaken,
                                 "The name is reserved.",
                                 {FieldError{kUserName.field, "reserved"}},
                                 0});
  }
  return name;
}

std::string given_user_name(std::string_view raw) {
  Result<std::string> name = readable_name(kUserName, raw);
  return name && !has_character_refused_in_names(*name) ? std::move(*name) : std::string();
}

Result<std::string> clean_chat_name(std::string_view raw) {
  Result<std::string> name = readable_name(kChatName, raw);
  if (!name) return name;
  if (!holds_for_each(*name, may_name_chat)) {
    return fail_field(kChatName.field, "format",
                      "The name has a control, format or filler character.");
  }
  if (is_blank(*name)) {
    return fail_field(kChatName.field, "format", "The name has no visible character.");
  }
  return name;
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

bool is_reserved_name(std::string_view name) {
  // The last is what stands where a deleted user's name was.
  static constexpr std::array<std::string_view, 5> kReserved = {"system", "시스템", "admin", "maru",
                                                                "탈퇴한 사용자"};
  static const auto looks = [] {
    std::array<std::string, kReserved.size()> made;
    std::ranges::transform(kReserved, made.begin(), look_of);
    return made;
  }();
  // Letters of another script look alike in one case only: Cyrillic Т as T, but not т as t.
  const std::string as_typed = look_of(fold_name(name));
  const std::string as_drawn = look_of(fold_name(skeleton(name)));
  return std::ranges::any_of(
      looks, [&](const std::string& look) { return look == as_typed || look == as_drawn; });
}

}  // namespace maru::text
