#include <array>
#include <bit>

#include "wire/wire_event.hpp"

// A position as a string whose order as text is the order of positions: eleven digits of base 64,
// the highest first.
namespace maru::wire {
namespace {

constexpr std::string_view kDigits =
    "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kLength = 11;
constexpr unsigned kHighestDigitMax = 15;  // 11 digits hold 66 bits

constexpr std::uint8_t kNoDigit = 0xFF;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}
constexpr auto kValues = make_values();

}  // namespace

void append_offset(std::string& out, Position position) {
  std::array<char, kLength> digits{};
  for (std::size_t i = kLength; i-- > 0;) {
    digits[i] = kDigits[position & 63];
    position >>= 6;
  }
  out.append(digits.data(), digits.size());
}

std::string encode_offset(Position position) {
  std::string out;
  append_offset(out, position);
  return out;
}

Position decode_offset(std::string_view offset) {
  if (offset.size() != kLength) return 0;
  Position position = 0;
  for (std::size_t i = 0; i < kLength; ++i) {
    const unsigned value = kValues[static_cast<unsigned char>(offset[i])];
    if (value == kNoDigit) return 0;
    if (i == 0 && value > kHighestDigitMax) return 0;
    position = position << 6 | value;
  }
  return position;
}

}  // namespace maru::wire
