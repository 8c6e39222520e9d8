// What names and searches for names share. Part of text/ alone; `utf8` is valid.
#pragma once

#include <string>
#include <string_view>

namespace maru::text {

// Drops white space at both ends; each run of space separators inside becomes one U+0020.
[[nodiscard]] std::string with_single_spaces(std::string_view utf8);
// A control, format or filler character, a line separator or a noncharacter: no name ever held one
// but for the joiners of chat names.
[[nodiscard]] bool has_character_refused_in_names(std::string_view utf8);

}  // namespace maru::text
