#include "text/utf8.hpp"

#include <gtest/gtest.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <string>
#include <vector>

#include "text/text.hpp"

namespace maru::text {
namespace {

using std::string_view_literals::operator""sv;

std::string encode(char32_t c) {
  std::string out;
  utf8::append(out, c);
  return out;
}

TEST(Utf8, RoundTripsEveryScalarValue) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c == 0xD800) c = 0xE000;
    const std::string bytes = encode(c);
    std::size_t at = 0;
    ASSERT_EQ(utf8::decode(bytes, at), c);
    ASSERT_EQ(at, bytes.size());
    ASSERT_TRUE(is_valid_utf8(bytes));
    ASSERT_EQ(count_code_points(bytes), 1U);
    const utf8::Scan scan = utf8::scan(bytes);
    ASSERT_TRUE(scan.valid);
    ASSERT_EQ(scan.code_points, 1U);
    ASSERT_EQ(scan.has_carriage_return, c == '\r');
    ASSERT_EQ(scan.has_control, u_charType(static_cast<UChar32>(c)) == U_CONTROL_CHAR &&
                                    c != '\n' && c != '\t' && c != '\r')
        << std::hex << static_cast<std::uint32_t>(c);
  }
}

TEST(Utf8, AcceptsExactlyTheWellFormedTwoAndThreeByteForms) {
  // Every pair and triple of bytes from 0x80 on, against the table in Unicode 3.9 (D92).
  for (unsigned lead = 0x80; lead <= 0xFF; ++lead) {
    for (unsigned second = 0x80; second <= 0xFF; ++second) {
      const bool is_tail = second <= 0xBF;
      const std::string two = {static_cast<char>(lead), static_cast<char>(second)};
      ASSERT_EQ(is_valid_utf8(two), lead >= 0xC2 && lead <= 0xDF && is_tail) << lead << second;
      ASSERT_EQ(utf8::scan(two).valid, is_valid_utf8(two));
      const std::string three = two + "\x80";
      const bool three_fits = (lead == 0xE0 && second >= 0xA0) || (lead == 0xED && second < 0xA0) ||
                              (lead >= 0xE1 && lead <= 0xEF && lead != 0xED);
      ASSERT_EQ(is_valid_utf8(three), is_tail && three_fits) << lead << second;
      const std::string four = three + "\x80";
      const bool four_fits = (lead == 0xF0 && second >= 0x90) || (lead == 0xF4 && second < 0x90) ||
                             (lead >= 0xF1 && lead <= 0xF3);
      ASSERT_EQ(is_valid_utf8(four), is_tail && four_fits) << lead << second;
    }
  }
}

TEST(Utf8, RefusesInvalidBytesAtEveryPlace) {
  for (const std::string_view bad :
       {"\x80"sv, "\xC0\x80"sv, "\xC1\xBF"sv, "\xC3"sv, "\xE0\x80\x80"sv, "\xE0\x9F\xBF"sv,
        "\xE2\x82"sv, "\xED\xA0\x80"sv, "\xED\xBF\xBF"sv, "\xF0\x80\x80\x80"sv, "\xF0\x9F\x98"sv,
        "\xF4\x90\x80\x80"sv, "\xF5\x80\x80\x80"sv, "\xFC\x80\x80\x80\x80\x80"sv, "\xFE"sv,
        "\xFF"sv}) {
    for (std::size_t place = 0; place < 20; ++place) {
      for (const std::string_view tail : {""sv, "a"sv, "가"sv, "twenty plain letters"sv}) {
        const std::string text = std::string(place, 'a') + std::string(bad) + std::string(tail);
        ASSERT_FALSE(is_valid_utf8(text)) << place;
        ASSERT_FALSE(utf8::scan(text).valid) << place;
      }
    }
  }
}

TEST(Utf8, ScanFindsControlsInEveryLane) {
  for (std::size_t place = 0; place < 24; ++place) {
    for (int c = 0; c < 128; ++c) {
      std::string text(24, 'a');
      text[place] = static_cast<char>(c);
      const utf8::Scan scan = utf8::scan(text);
      ASSERT_TRUE(scan.valid);
      ASSERT_EQ(scan.code_points, 24U);
      ASSERT_EQ(scan.has_control, (c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7F);
      ASSERT_EQ(scan.has_carriage_return, c == '\r');
      ASSERT_FALSE(scan.may_need_nfc);
    }
  }
}

TEST(Utf8, CountsMixedWidths) {
  const std::vector<std::string> pieces = {"a", "é", "가", "😀", "abcdefgh", "한글한글한글"};
  std::string text;
  std::size_t count = 0;
  EXPECT_EQ(count_code_points(""), 0U);
  for (std::size_t i = 0; i < 200; ++i) {
    const std::string& piece = pieces[i * i % pieces.size()];
    text += piece;
    count += piece.size() == 8 ? 8U : piece.size() == 18 ? 6U : 1U;
    ASSERT_EQ(count_code_points(text), count);
    ASSERT_EQ(utf8::scan(text).code_points, count);
  }
}

TEST(Utf8, PlainInNfcIsAShortcutOnly) {
  // Quick-check Yes and class 0 for each makes any string of them NFC (UAX #15, section 9).
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(status);
  ASSERT_TRUE(U_SUCCESS(status));
  std::size_t plain = 0;
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c == 0xD800) c = 0xE000;
    if (!utf8::is_plain_in_nfc(c)) continue;
    ++plain;
    const auto code_point = static_cast<UChar32>(c);
    ASSERT_EQ(u_getIntPropertyValue(code_point, UCHAR_NFC_QUICK_CHECK), UNORM_YES)
        << std::hex << code_point;
    ASSERT_EQ(nfc->getCombiningClass(code_point), 0) << std::hex << code_point;
  }
  EXPECT_GT(plain, 30'000U);
}

}  // namespace
}  // namespace maru::text
