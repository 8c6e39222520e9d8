#include "text/unicode.hpp"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uspoof.h>

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <vector>

#include "text/utf8.hpp"

namespace maru::text {
namespace {

void check(UErrorCode status) {
  if (status == U_MEMORY_ALLOCATION_ERROR) throw std::bad_alloc();
  if (U_FAILURE(status)) throw std::runtime_error(std::string("ICU: ") + u_errorName(status));
}

using GetInstance = const icu::Normalizer2*(UErrorCode&);

const icu::Normalizer2& instance(GetInstance* get) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = get(status);
  check(status);
  return *normalizer;
}

const icu::Normalizer2& nfc() {
  static const icu::Normalizer2& normalizer = instance(&icu::Normalizer2::getNFCInstance);
  return normalizer;
}

const icu::Normalizer2& nfkc_cf() {
  static const icu::Normalizer2& normalizer = instance(&icu::Normalizer2::getNFKCCasefoldInstance);
  return normalizer;
}

icu::StringPiece piece(std::string_view utf8) {
  return {utf8.data(), static_cast<std::int32_t>(utf8.size())};
}

std::string normalize(const icu::Normalizer2& normalizer, std::string_view utf8) {
  std::string out;
  icu::StringByteSink<std::string> sink(&out, static_cast<std::int32_t>(utf8.size()));
  UErrorCode status = U_ZERO_ERROR;
  normalizer.normalizeUTF8(0, piece(utf8), sink, nullptr, status);
  check(status);
  return out;
}

bool has(char32_t c, UProperty property) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), property) != 0;
}

// ICU orders combining marks by insertion, so that a long run of them in the wrong order takes
// quadratic time. Short texts are left to it.
constexpr std::size_t kShortTextBytes = 256;

struct Mark {
  std::uint8_t combining_class;
  std::size_t place;  // marks of one class keep their order
  char32_t code_point;
  auto operator<=>(const Mark&) const = default;
};
using Marks = std::vector<Mark>;

void append_mark(Marks& marks, char32_t c) {
  marks.push_back({u_getCombiningClass(static_cast<UChar32>(c)), marks.size(), c});
}

// The only characters that are no marks by their class but decompose into marks alone.
bool append_tibetan_vowel(Marks& marks, char32_t c) {
  if (c != 0x0F73 && c != 0x0F75 && c != 0x0F81) return false;
  append_mark(marks, 0x0F71);
  append_mark(marks, c - 1);
  return true;
}

// Canonically equivalent to `utf8`, its runs of marks in canonical order.
std::string with_ordered_marks(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  Marks run;
  const auto flush = [&] {
    std::ranges::sort(run);
    for (const Mark& mark : run) utf8::append(out, mark.code_point);
    run.clear();
  };
  for (std::size_t at = 0; at < utf8.size();) {
    const char32_t c = utf8::decode(utf8, at);
    if (append_tibetan_vowel(run, c)) continue;
    if (u_getCombiningClass(static_cast<UChar32>(c)) != 0) {
      append_mark(run, c);
      continue;
    }
    flush();
    utf8::append(out, c);
  }
  flush();
  return out;
}

constexpr char32_t kHangulChoseongFiller = 0x115F;
constexpr char32_t kHangulJungseongFiller = 0x1160;
constexpr char32_t kHangulFiller = 0x3164;
constexpr char32_t kHalfwidthHangulFiller = 0xFFA0;
// Symbols by their category, and yet blank.
constexpr char32_t kBraillePatternBlank = 0x2800;
constexpr char32_t kNullNotehead = 0x1D159;

bool is_of(char32_t c, std::uint32_t categories) {
  return (U_GET_GC_MASK(static_cast<UChar32>(c)) & categories) != 0;
}

// Never closed: threads may still use it while the process ends. What ICU says of it: thread-safe
// as long as it is const.
const USpoofChecker* spoof_checker() {
  static const USpoofChecker* checker = [] {
    UErrorCode status = U_ZERO_ERROR;
    const USpoofChecker* opened = uspoof_open(&status);
    check(status);
    return opened;
  }();
  return checker;
}

}  // namespace

std::string normalize_nfc(std::string_view utf8) {
  if (utf8.size() <= kShortTextBytes) return normalize(nfc(), utf8);
  return normalize(nfc(), with_ordered_marks(utf8));
}

std::string nfkc_casefold(std::string_view utf8) {
  return normalize(nfkc_cf(), utf8);
}

bool is_white_space(char32_t c) {
  return has(c, UCHAR_WHITE_SPACE);
}
bool is_space_separator(char32_t c) {
  return u_charType(static_cast<UChar32>(c)) == U_SPACE_SEPARATOR;
}
bool is_default_ignorable(char32_t c) {
  return has(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT);
}

bool is_mark(char32_t c) {
  return is_of(c, U_GC_M_MASK);
}
bool is_variation_selector(char32_t c) {
  return has(c, UCHAR_VARIATION_SELECTOR);
}

bool is_unseen(char32_t c) {
  return is_white_space(c) || is_default_ignorable(c) || c == kBraillePatternBlank ||
         c == kNullNotehead;
}

bool is_refused_in_names(char32_t c) {
  constexpr std::uint32_t kRefusedCategories =
      U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CS_MASK | U_GC_ZL_MASK | U_GC_ZP_MASK;
  return is_of(c, kRefusedCategories) || U_IS_UNICODE_NONCHAR(static_cast<UChar32>(c)) ||
         c == kHangulChoseongFiller || c == kHangulJungseongFiller || c == kHangulFiller ||
         c == kHalfwidthHangulFiller;
}

bool is_without_meaning(char32_t c) {
  return is_of(c, U_GC_CO_MASK | U_GC_CN_MASK);
}

std::string skeleton(std::string_view utf8) {
  const icu::UnicodeString text = icu::UnicodeString::fromUTF8(piece(utf8));
  icu::UnicodeString made;
  UErrorCode status = U_ZERO_ERROR;
  uspoof_getSkeletonUnicodeString(spoof_checker(), 0, text, made, &status);
  check(status);
  std::string out;
  made.toUTF8String(out);
  return out;
}

}  // namespace maru::text
