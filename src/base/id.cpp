#include "base/id.hpp"

namespace maru::id_detail {
namespace {
int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
}  // namespace

bool parse_hex(std::string_view hex, std::uint8_t* out12) {
  if (hex.size() != 24) return false;
  for (std::size_t i = 0; i < 12; ++i) {
    const int high = nibble(hex[2 * i]);
    const int low = nibble(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out12[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

void write_hex(const std::uint8_t* bytes12, char* out24) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < 12; ++i) {
    out24[2 * i] = kDigits[bytes12[i] >> 4];
    out24[2 * i + 1] = kDigits[bytes12[i] & 15];
  }
}

}  // namespace maru::id_detail
