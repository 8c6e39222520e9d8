// The character properties and normal forms that text/ takes from ICU; unicode.cpp is ICU's only
// includer. Part of text/ alone; any thread. Throws where ICU's data is missing or memory ran out.
#pragma once

#include <string>
#include <string_view>

namespace maru::text {

// `utf8` is valid. normalize_nfc takes n log n whatever marks the text holds; nfkc_casefold is for
// names, which are short.
[[nodiscard]] std::string normalize_nfc(std::string_view utf8);
[[nodiscard]] std::string nfkc_casefold(std::string_view utf8);

[[nodiscard]] bool is_white_space(char32_t c);
[[nodiscard]] bool is_space_separator(char32_t c);  // Zs
[[nodiscard]] bool is_default_ignorable(char32_t c);
[[nodiscard]] bool is_mark(char32_t c);  // Mn, Mc, Me
[[nodiscard]] bool is_variation_selector(char32_t c);
// Nothing is drawn for it: white space, default-ignorable code points (the Hangul fillers are),
// the blank Braille pattern, the null notehead.
[[nodiscard]] bool is_unseen(char32_t c);
// Control, format, line and paragraph separators, noncharacters, Hangul fillers.
[[nodiscard]] bool is_refused_in_names(char32_t c);
// Private-use or not assigned in this ICU's Unicode.
[[nodiscard]] bool is_without_meaning(char32_t c);

// UTS #39, 4: texts that look alike have the same; for comparing alone. Of a short text.
[[nodiscard]] std::string skeleton(std::string_view utf8);

}  // namespace maru::text
