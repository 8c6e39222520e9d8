#include "json/writer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "json/reader.hpp"

namespace maru::json {
namespace {

using std::string_view_literals::operator""sv;

std::string escaped(std::string_view text) {
  std::string out;
  append_escaped(out, text);
  return out;
}

TEST(Writer, PlacesCommas) {
  std::string out = "kept:";
  Writer(out)
      .begin_object()
      .key("a")
      .integer(std::int64_t{1})
      .key("b")
      .begin_array()
      .string("x")
      .null()
      .begin_array()
      .end_array()
      .begin_object()
      .end_object()
      .boolean(true)
      .boolean(false)
      .end_array()
      .key("c")
      .begin_object()
      .key("d")
      .raw(R"([1,{"e":2}])")
      .key("f")
      .null()
      .end_object()
      .key_escaped("q\"\n")
      .string("")
      .end_object();
  EXPECT_EQ(out, R"(kept:{"a":1,"b":["x",null,[],{},true,false],"c":{"d":[1,{"e":2}],"f":null},)"
                 R"("q\"\n":""})");
}

TEST(Writer, WritesNumbers) {
  std::string out;
  Writer(out)
      .begin_array()
      .integer(std::numeric_limits<std::int64_t>::min())
      .integer(std::numeric_limits<std::int64_t>::max())
      .integer(std::numeric_limits<std::uint64_t>::max())
      .integer(std::int64_t{0})
      .number(0.5)
      .number(3.0)
      .number(-0.0)
      .number(1e300)
      .number(std::numeric_limits<double>::denorm_min())
      .number(std::numeric_limits<double>::quiet_NaN())
      .number(std::numeric_limits<double>::infinity())
      .number(-std::numeric_limits<double>::infinity())
      .end_array();
  EXPECT_EQ(out,
            "[-9223372036854775808,9223372036854775807,18446744073709551615,0,0.5,3,-0,1e+300,"
            "5e-324,null,null,null]");
}

TEST(Writer, WritesTimesAndIds) {
  std::string out;
  const auto id = UserId::parse("65a1b2c3d4e5f60718293a4b").value();
  Writer(out).begin_array().id(id).time(WallTime{1'700'000'000'123}).id(id).end_array();
  EXPECT_EQ(
      out, R"(["65a1b2c3d4e5f60718293a4b","2023-11-14T22:13:20.123Z","65a1b2c3d4e5f60718293a4b"])");
}

TEST(Writer, EscapesWhatMustBeAndNoMore) {
  EXPECT_EQ(escaped(""), "");
  EXPECT_EQ(escaped("plain/한글😀\u2028\x7f<&'"), "plain/한글😀\u2028\x7f<&'");
  EXPECT_EQ(escaped("\"\\\b\f\n\r\t"), R"(\"\\\b\f\n\r\t)");
  EXPECT_EQ(escaped("\0\x01\x0b\x1f"sv), R"(\u0000\u0001\u000b\u001f)");
}

TEST(Writer, EscapesEveryByteAtEveryPlace) {
  // Each byte in each of 20 places, so that it meets every lane of the eight-byte scan.
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t place = 0; place < 20; ++place) {
      std::string text(20, 'a');
      text[place] = static_cast<char>(byte);
      const std::string out = escaped(text);
      const bool must_escape = byte < 0x20 || byte == '"' || byte == '\\';
      ASSERT_EQ(out == text, !must_escape) << byte << " at " << place;
      ASSERT_EQ(out.substr(0, place), std::string(place, 'a'));
      ASSERT_TRUE(out.ends_with(std::string(19 - place, 'a')));
      if (must_escape) {
        ASSERT_EQ(out[place], '\\');
      }
    }
  }
}

TEST(Writer, IsReadBack) {
  const unsigned seed = 20261123;
  std::mt19937 random(seed);
  Parser parser;
  for (int round = 0; round < 2'000; ++round) {
    std::string text;
    for (std::size_t i = random() % 50; i > 0; --i) {
      constexpr std::string_view kPieces[] = {"\"", "\\", "\n", "\x01", "\x1f", "a",
                                              "/",  "é",  "가", "😀",   "\x7f", "\\u0000"};
      text += kPieces[random() % std::size(kPieces)];
    }
    const double number =
        std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 60) - 30);
    std::string out;
    Writer(out)
        .begin_object()
        .key_escaped(text)
        .string(text)
        .key_escaped(text + "!")
        .number(number)
        .end_object();
    const auto value = parser.parse(out);
    ASSERT_TRUE(value) << "seed " << seed << ": " << out;
    ASSERT_EQ((*value)[text].as_string(), text) << "seed " << seed;
    if (number == std::trunc(number) && number < 9e15) {
      ASSERT_EQ((*value)[text + "!"].as_integer(), static_cast<std::int64_t>(number));
    }
  }
}

}  // namespace
}  // namespace maru::json
