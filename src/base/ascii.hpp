// Text of protocols, which is ASCII whatever the locale. Any thread.
#pragma once

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace maru {

constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, to_lower, to_lower);
}

// The whole text is one number in decimal digits (a signed one may begin with '-') that fits. Of
// floating-point types also "inf" and "nan": compare so that NaN fails.
template <class T>
  requires std::is_arithmetic_v<T>
std::optional<T> parse_decimal(std::string_view text) {
  T number{};
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto [stop, error] = std::from_chars(begin, end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace maru
