#include "gateway/rest/password.hpp"

#include <algorithm>
#include <array>

#include "base/limits.hpp"
#include "gateway/rest/common_passwords.hpp"
#include "gateway/rest/common_words.hpp"
#include "text/text.hpp"

namespace maru::gateway::rest {
namespace {

constexpr std::string_view kRuns[] = {"01234567890",
                                      "qwertyuiop",
                                      "asdfghjkl",
                                      "zxcvbnm",
                                      "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
                                      "qazwsxedcrfvtgbyhnujm",
                                      "abcdefghijklmnopqrstuvwxyz",
                                      "1q2w3e4r5t6y7u8i9o0p",
                                      "q1w2e3r4t5y6u7i8o9p0",
                                      "147258369",
                                      "789456123",
                                      "zaq12wsxcde34rfv",
                                      "asdfqwer",
                                      "qweasdzxc",
                                      "123qweasdzxc",
                                      "qwer1234asdf",
                                      "112233445566778899",
                                      "!@#$%^&*()",
                                      "azertyuiop",
                                      "qwertzuiop"};

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (static_cast<unsigned char>(c) >= 0x80);
}

// "p@ssw0rd" → "password".
std::string without_substitutes(std::string text) {
  for (char& c : text) {
    switch (c) {
      case '@':
      case '4':
        c = 'a';
        break;
      case '0':
        c = 'o';
        break;
      case '1':
      case '!':
        c = 'i';
        break;
      case '3':
        c = 'e';
        break;
      case '$':
      case '5':
        c = 's';
        break;
      case '7':
        c = 't';
        break;
      default:
        break;
    }
  }
  return text;
}

std::string_view without_outer_marks(std::string_view text) {
  while (!text.empty() && !is_letter(text.front())) text.remove_prefix(1);
  while (!text.empty() && !is_letter(text.back())) text.remove_suffix(1);
  return text;
}

// A short unit again and again: "aaaaaaaa", "abcabcabc", "12341234".
bool is_repetition(std::string_view text) {
  const bool is_ascii = std::ranges::none_of(text, [](char c) { return (c & 0x80) != 0; });
  const std::size_t unit_max = is_ascii ? 4 : 12;  // about four characters
  for (std::size_t unit = 1; unit <= unit_max && unit * 2 <= text.size(); ++unit) {
    bool repeats = true;
    for (std::size_t i = unit; i < text.size() && repeats; ++i) repeats = text[i] == text[i - unit];
    if (repeats) return true;
  }
  return false;
}

// Nothing but pieces of at least three of the well-known runs, forwards or backwards.
bool is_made_of_runs(std::string_view text) {
  while (!text.empty()) {
    std::size_t longest = 0;
    for (const std::string_view run : kRuns) {
      const std::string backwards(run.rbegin(), run.rend());
      for (const std::string_view form : {run, std::string_view(backwards)}) {
        for (std::size_t size = std::min(text.size(), form.size()); size > longest; --size) {
          if (form.find(text.substr(0, size)) != std::string_view::npos) {
            longest = size;
            break;
          }
        }
      }
    }
    if (longest < 3 && longest < text.size()) return false;
    if (longest == 0) return false;
    text.remove_prefix(longest);
  }
  return true;
}

// Among common_passwords(): a binary search for the line.
bool is_listed(std::string_view text) {
  std::string_view lines = common_passwords();
  while (!lines.empty()) {
    const std::size_t before = lines.rfind('\n', lines.size() / 2 - 1);
    const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    const std::size_t end = lines.find('\n', begin);
    const std::string_view line = lines.substr(begin, end - begin);
    if (line == text) return true;
    lines = line < text ? lines.substr(end + 1) : lines.substr(0, begin);
  }
  return false;
}

bool is_common_word(std::string_view text) {
  return std::ranges::binary_search(kCommonWords, text);
}

// One common word or two, "iloveyou", "superman": what is left of the letters.
bool is_made_of_common_words(std::string_view letters) {
  if (is_common_word(letters)) return true;
  for (std::size_t cut = 2; cut + 2 <= letters.size(); ++cut) {
    if (is_common_word(letters.substr(0, cut)) && is_common_word(letters.substr(cut))) return true;
  }
  return false;
}

// Digits and marks around a word that many people add: at most five, a year, or a run.
bool is_usual_decoration(std::string_view text, std::string_view letters) {
  const std::size_t extra = text.size() - letters.size();
  if (extra <= 5) return true;
  const auto at = static_cast<std::size_t>(letters.data() - text.data());
  const std::string_view before = text.substr(0, at);
  const std::string_view after = text.substr(at + letters.size());
  const auto usual = [](std::string_view part) {
    return part.size() <= 3 || is_made_of_runs(part) || is_repetition(part);
  };
  return usual(before) && usual(after);
}

bool is_decorated_common_word(const std::string& text) {
  const std::string_view letters = without_outer_marks(text);
  if (letters.size() < 3 || !is_usual_decoration(text, letters)) return false;
  if (is_made_of_common_words(letters)) return true;
  std::string plain = without_substitutes(std::string(letters));
  const bool is_common = is_made_of_common_words(plain);
  wipe(plain);
  return is_common;
}

std::unexpected<Error> length_error(std::string_view field, const char* rule, std::size_t limit,
                                    std::size_t actual) {
  return std::unexpected(
      Error{ErrorCode::kValidationFailed,
            "A password has 8 to 128 characters.",
            {FieldError{std::string(field), rule, static_cast<std::int64_t>(limit),
                        static_cast<std::int64_t>(actual)}},
            0});
}

}  // namespace

bool is_common_password(std::string_view password, std::string_view user_name) {
  std::string text = to_lower(password);
  std::string plain = without_substitutes(text);
  std::string folded = text::fold_name(password);
  const bool is_common = is_listed(text) || is_listed(plain) || is_repetition(text) ||
                         is_made_of_runs(text) ||
                         (!user_name.empty() && folded == text::fold_name(user_name)) ||
                         is_decorated_common_word(text) || is_decorated_common_word(plain);
  for (std::string* copy : {&text, &plain, &folded}) wipe(*copy);
  return is_common;
}

Secret clean_password(std::string_view raw) {
  return Secret::take(text::to_nfc(raw));
}

Result<Secret> clean_new_password(std::string_view raw, std::string_view user_name,
                                  std::string_view field) {
  // Bounded before it is normalised; NFC never makes so much of so little.
  constexpr std::size_t kRawBytesMax = limits::kPasswordCodePointsMax * 16;
  if (raw.size() > kRawBytesMax) {
    return length_error(field, "too_long", limits::kPasswordCodePointsMax, raw.size());
  }
  Secret password = clean_password(raw);
  const std::size_t size = text::count_code_points(password.view());
  if (size < limits::kPasswordCodePointsMin) {
    return length_error(field, "too_short", limits::kPasswordCodePointsMin, size);
  }
  if (size > limits::kPasswordCodePointsMax) {
    return length_error(field, "too_long", limits::kPasswordCodePointsMax, size);
  }
  if (is_common_password(password.view(), user_name)) {
    return fail_field(std::string(field), "too_common",
                      "This password is among those that are tried first; choose another.");
  }
  return password;
}

}  // namespace maru::gateway::rest
