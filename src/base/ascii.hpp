// Text of protocols, which is ASCII whatever the locale. Any thread.
#pragma once

#include <algorithm>
#include <string_view>

namespace maru {

constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, to_lower, to_lower);
}

}  // namespace maru
