#include "text/utf8.hpp"

#include <bit>

#include "text/text.hpp"

namespace maru::text {
namespace utf8 {

bool is_plain_in_nfc(char32_t c) {
  if (c < 0x300) return true;
  if (c >= 0xAC00) {
    return c <= 0xD7A3 || (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0xFF01 && c <= 0xFFEF) ||
           (c >= 0x1F300 && c <= 0x1FAFF);
  }
  if (c >= 0x4E00) return c <= 0x9FFF;
  if (c < 0x3000) return c >= 0x2010 && c <= 0x2069;
  // Between them are tone marks, the kana voicing marks and code points yet to come.
  return c <= 0x3029 || (c >= 0x3030 && c <= 0x3098) || (c >= 0x309B && c <= 0x30FF) ||
         (c >= 0x3131 && c <= 0x318E);
}

Scan scan(std::string_view bytes) {
  Scan out;
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (at + 8 <= bytes.size()) {
      const std::uint64_t word = load_word(bytes.data() + at);
      if ((word & kHighBits) == 0 && !has_byte_below(word, 0x20) && !has_byte(word, 0x7F)) {
        at += 8;
        out.code_points += 8;
        continue;
      }
    }
    const char32_t c = decode(bytes, at);
    if (c == kInvalid) {
      out.valid = false;
      return out;
    }
    ++out.code_points;
    if (c < 0x20) {
      out.has_carriage_return |= c == '\r';
      out.has_control |= c != '\n' && c != '\t' && c != '\r';
    } else if (c >= 0x7F) {
      out.has_control |= c <= 0x9F;
      out.may_need_nfc |= !is_plain_in_nfc(c);
    }
  }
  return out;
}

}  // namespace utf8

bool is_valid_utf8(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (at + 8 <= bytes.size() && (utf8::load_word(bytes.data() + at) & utf8::kHighBits) == 0) {
      at += 8;
    } else if (utf8::decode(bytes, at) == utf8::kInvalid) {
      return false;
    }
  }
  return true;
}

std::size_t count_code_points(std::string_view utf8) {
  // Every byte but 10xxxxxx begins a code point.
  std::size_t count = 0;
  std::size_t at = 0;
  for (; at + 8 <= utf8.size(); at += 8) {
    const std::uint64_t word = utf8::load_word(utf8.data() + at);
    count += static_cast<std::size_t>(std::popcount((~word | word << 1) & utf8::kHighBits));
  }
  for (; at < utf8.size(); ++at) count += (static_cast<unsigned char>(utf8[at]) & 0xC0) != 0x80;
  return count;
}

}  // namespace maru::text
