// Steps through UTF-8 (RFC 3629). Part of text/ alone; pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace maru::text::utf8 {

inline constexpr char32_t kInvalid = 0xFFFF'FFFF;

// Eight bytes at once. `below` is exact as a whole, not for each byte.
inline std::uint64_t load_word(const char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}
inline constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101;
inline constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080;
inline bool has_byte_below(std::uint64_t word, std::uint64_t bound) {
  return ((word - kOnes * bound) & ~word & kHighBits) != 0;
}
inline bool has_byte(std::uint64_t word, std::uint64_t byte) {
  return has_byte_below(word ^ (kOnes * byte), 1);
}

// The code point at `at`, which moves behind it; kInvalid, with `at` anywhere behind, where the
// bytes are none. `at` < bytes.size().
inline char32_t decode(std::string_view bytes, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const auto tail = [&](std::size_t i) -> char32_t {
    if (i >= bytes.size() || (byte(i) & 0xC0) != 0x80) return kInvalid;
    return byte(i) & 0x3FU;
  };
  const char32_t lead = byte(at++);
  if (lead < 0x80) return lead;
  if (lead < 0xC2 || lead > 0xF4) return kInvalid;
  const char32_t second = tail(at++);
  if (second == kInvalid) return kInvalid;
  if (lead < 0xE0) return (lead & 0x1F) << 6 | second;
  const char32_t third = tail(at++);
  if (third == kInvalid) return kInvalid;
  if (lead < 0xF0) {
    const char32_t c = (lead & 0x0F) << 12 | second << 6 | third;
    return c < 0x800 || (c >= 0xD800 && c <= 0xDFFF) ? kInvalid : c;
  }
  const char32_t fourth = tail(at++);
  if (fourth == kInvalid) return kInvalid;
  const char32_t c = (lead & 0x07) << 18 | second << 12 | third << 6 | fourth;
  return c < 0x10000 || c > 0x10FFFF ? kInvalid : c;
}

// `c` is a Unicode scalar value.
inline void append(std::string& out, char32_t c) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
    return;
  }
  if (c < 0x800) {
    out.push_back(static_cast<char>(0xC0 | c >> 6));
  } else {
    if (c < 0x10000) {
      out.push_back(static_cast<char>(0xE0 | c >> 12));
    } else {
      out.push_back(static_cast<char>(0xF0 | c >> 18));
      out.push_back(static_cast<char>(0x80 | (c >> 12 & 0x3F)));
    }
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
  }
  out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
}

// What one pass over bytes tells.
struct Scan {
  bool valid = true;         // else the rest is unknown
  bool has_control = false;  // Cc other than \n, \t and \r
  bool has_carriage_return = false;
  bool may_need_nfc = false;  // false: NFC as it is
  std::size_t code_points = 0;
};
[[nodiscard]] Scan scan(std::string_view bytes);

// True for most of what people write (Latin, kana, CJK, Hangul syllables, emoji): code points that
// NFC leaves alone next to any others of this set.
[[nodiscard]] bool is_plain_in_nfc(char32_t c);

}  // namespace maru::text::utf8
