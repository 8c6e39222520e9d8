#include "json/reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.hpp"

namespace maru::json {
namespace {

using std::string_view_literals::operator""sv;
using testing::ElementsAre;
using testing::HasSubstr;

std::string repeat(std::string_view part, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += part;
  return out;
}

void expect_refused(std::string_view text, std::string_view reason = "") {
  Parser parser;
  const auto value = parser.parse(text);
  ASSERT_FALSE(value) << text.substr(0, 80);
  EXPECT_EQ(value.error().code, ErrorCode::kInvalidJson);
  EXPECT_THAT(value.error().detail, HasSubstr(std::string(reason))) << text.substr(0, 80);
}

void expect_accepted(std::string_view text) {
  Parser parser;
  const auto value = parser.parse(text);
  EXPECT_TRUE(value) << text.substr(0, 80) << ": " << (value ? "" : value.error().detail);
}

TEST(Value, IsAbsentByDefault) {
  const Value value;
  EXPECT_FALSE(value.present());
  EXPECT_TRUE(value.is_null());
  EXPECT_FALSE(value.as_string());
  EXPECT_FALSE(value.as_integer());
  EXPECT_FALSE(value.as_bool());
  EXPECT_EQ(value.size(), 0U);
  EXPECT_FALSE(value["a"].present());
  EXPECT_FALSE(value.at(0).present());
  value.for_each_element([](Value) { FAIL(); });
}

TEST(Parser, ReadsEveryKind) {
  Parser parser;
  const auto parsed = parser.parse(
      R"( {"s":"a\"\u00e9가😀","n":null,"t":true,"f":false,"i":-7,"d":1.5,"a":[1,[2,3],4],"o":{"x":[]}} )");
  ASSERT_TRUE(parsed);
  const Value root = *parsed;
  EXPECT_TRUE(root.is_object());
  EXPECT_EQ(root.size(), 8U);
  EXPECT_EQ(root["s"].as_string(), "a\"é가😀");
  EXPECT_TRUE(root["n"].present());
  EXPECT_TRUE(root["n"].is_null());
  EXPECT_EQ(root["t"].as_bool(), true);
  EXPECT_EQ(root["f"].as_bool(), false);
  EXPECT_EQ(root["i"].as_integer(), -7);
  EXPECT_EQ(root["d"].kind(), Kind::kNumber);
  EXPECT_FALSE(root["d"].as_integer());
  EXPECT_EQ(root["a"].size(), 3U);
  EXPECT_EQ(root["a"].at(1).at(1).as_integer(), 3);
  EXPECT_EQ(root["a"].at(2).as_integer(), 4);
  EXPECT_FALSE(root["a"].at(3).present());
  EXPECT_TRUE(root["o"]["x"].is_array());
  EXPECT_EQ(root["o"]["x"].size(), 0U);
  EXPECT_FALSE(root["missing"].present());
  EXPECT_FALSE(root["s"]["x"].present());
  EXPECT_FALSE(root.at(0).present());
}

TEST(Parser, AnotherKindIsNothing) {
  Parser parser;
  const Value root = parser.parse(R"(["1",1,true,null,{},[]])").value();
  const std::vector<Kind> kinds = {Kind::kString, Kind::kNumber, Kind::kBool,
                                   Kind::kNull,   Kind::kObject, Kind::kArray};
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    EXPECT_EQ(root.at(i).kind(), kinds[i]);
    EXPECT_EQ(root.at(i).as_string().has_value(), kinds[i] == Kind::kString);
    EXPECT_EQ(root.at(i).as_integer().has_value(), kinds[i] == Kind::kNumber);
    EXPECT_EQ(root.at(i).as_bool().has_value(), kinds[i] == Kind::kBool);
  }
}

TEST(Parser, VisitsInDocumentOrder) {
  Parser parser;
  const Value root = parser.parse(R"({"z":[3,{"q":1},1],"a":{"b":{}},"":2})").value();
  std::vector<std::string> keys;
  root.for_each_field([&](std::string_view key, Value) { keys.emplace_back(key); });
  EXPECT_THAT(keys, ElementsAre("z", "a", ""));
  std::vector<Kind> kinds;
  root["z"].for_each_element([&](Value value) { kinds.push_back(value.kind()); });
  EXPECT_THAT(kinds, ElementsAre(Kind::kNumber, Kind::kObject, Kind::kNumber));
  EXPECT_EQ(root[""].as_integer(), 2);
}

TEST(Parser, AcceptsEveryValidForm) {
  for (const std::string_view text : {"null"sv,
                                      "true"sv,
                                      "false"sv,
                                      "0"sv,
                                      "-0"sv,
                                      "-1"sv,
                                      "1E5"sv,
                                      "1e-5"sv,
                                      "1.25E+2"sv,
                                      "\"\""sv,
                                      "[]"sv,
                                      "{}"sv,
                                      " [ ] "sv,
                                      "\t\r\n{ }\n"sv,
                                      "[[],[]]"sv,
                                      R"({"":{"":[]}})"sv,
                                      R"("\"\\\/\b\f\n\r\t\u0001")"sv,
                                      R"("\ud83d\ude00")"sv,
                                      R"("\uD83D\uDE00")"sv,
                                      R"("\uFFFF\uFDD0")"sv,
                                      "\"\x7f\""sv,
                                      "\"\u2028\u2029\""sv,
                                      "\"\uD7FF\uE000\""sv,
                                      "{\"a\":1,\"A\":2,\"\u00e1\":3,\"a\u0301\":4}"sv,
                                      "1e-400"sv,
                                      "0.1e1"sv,
                                      "123456789012345678901234567890"sv,
                                      "-123456789012345678901234567890"sv,
                                      R"(["12345678901234567890123 \" 1",1e20])"sv}) {
    expect_accepted(text);
  }
}

TEST(Parser, RefusesEveryInvalidForm) {
  for (const std::string_view text : {""sv,
                                      " "sv,
                                      "\n"sv,
                                      "\0"sv,
                                      "nul"sv,
                                      "nulll"sv,
                                      "True"sv,
                                      "TRUE"sv,
                                      "NaN"sv,
                                      "Infinity"sv,
                                      "-Infinity"sv,
                                      "undefined"sv,
                                      "01"sv,
                                      "-01"sv,
                                      "+1"sv,
                                      ".5"sv,
                                      "1."sv,
                                      "1.e5"sv,
                                      "1e"sv,
                                      "1e+"sv,
                                      "-"sv,
                                      "--1"sv,
                                      "0x10"sv,
                                      "1 2"sv,
                                      "1,"sv,
                                      "'a'"sv,
                                      "\""sv,
                                      "\"a"sv,
                                      "\"\\\""sv,
                                      "\"\\x41\""sv,
                                      "\"\\u12\""sv,
                                      "\"\\u12G4\""sv,
                                      "\"\\u\""sv,
                                      "\"\n\""sv,
                                      "\"\t\""sv,
                                      "\"\x1f\""sv,
                                      "\"\0\""sv,
                                      "["sv,
                                      "]"sv,
                                      "[,]"sv,
                                      "[1,]"sv,
                                      "[1,,2]"sv,
                                      "[1 2]"sv,
                                      "[1}"sv,
                                      "{"sv,
                                      "}"sv,
                                      "{,}"sv,
                                      R"({"a"})"sv,
                                      R"({"a":})"sv,
                                      R"({"a":1,})"sv,
                                      R"({"a" 1})"sv,
                                      R"({"a":1 "b":2})"sv,
                                      R"({a:1})"sv,
                                      R"({1:2})"sv,
                                      R"({"a":1]})"sv,
                                      R"({null:1})"sv,
                                      "[]]"sv,
                                      "{}{}"sv,
                                      "[] x"sv,
                                      "// c\n1"sv,
                                      "/* c */1"sv,
                                      "[1]\0"sv,
                                      "[1\0]"sv,
                                      "\f1"sv,
                                      "\v1"sv,
                                      "\u00a01"sv,
                                      "1e999999999999"sv,
                                      "1e400"sv,
                                      "12345678901234567890x"sv,
                                      "123456789012345678901234567890 1"sv,
                                      "0123456789012345678901"sv,
                                      "-012345678901234567890"sv}) {
    expect_refused(text);
  }
}

TEST(Parser, RefusesByteOrderMarks) {
  expect_refused("\xEF\xBB\xBF{}");
  expect_refused("\xFE\xFF{}");
  expect_refused("\xFF\xFE{\0}\0"sv);
  expect_accepted("\"\xEF\xBB\xBF\"");
}

TEST(Parser, RefusesInvalidUtf8) {
  for (const std::string_view bytes : {"\x80"sv,
                                       "\xBF"sv,
                                       "\xC0\x80"sv,
                                       "\xC1\xBF"sv,
                                       "\xC3"sv,
                                       "\xC3\x28"sv,
                                       "\xE0\x80\x80"sv,
                                       "\xE0\x9F\xBF"sv,
                                       "\xE2\x82"sv,
                                       "\xED\xA0\x80"sv,
                                       "\xED\xBF\xBF"sv,
                                       "\xED\xA0\xBD\xED\xB8\x80"sv,
                                       "\xF0\x80\x80\x80"sv,
                                       "\xF0\x8F\xBF\xBF"sv,
                                       "\xF0\x9F\x98"sv,
                                       "\xF4\x90\x80\x80"sv,
                                       "\xF5\x80\x80\x80"sv,
                                       "\xF8\x88\x80\x80\x80"sv,
                                       "\xFE"sv,
                                       "\xFF"sv}) {
    const std::string in_string = "\"" + std::string(bytes) + "\"";
    expect_refused(in_string, "UTF-8");
    expect_refused("{" + in_string + ":1}", "UTF-8");
    expect_refused("[1," + std::string(bytes) + "]");
  }
}

TEST(Parser, TellsItsOwnRulesFromTheGrammar) {
  Parser parser;
  for (const auto text : {R"(["\ud800"])"sv, R"({"\u0000":1})"sv, R"({"a":1,"a":2})"sv,
                          "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]"sv}) {
    EXPECT_FALSE(parser.parse(text)) << text;
    EXPECT_TRUE(parser.refused_by_rule()) << text;
  }
  for (const auto text : {"["sv, R"(["\x"])"sv, "[1]]"sv, ""sv}) {
    EXPECT_FALSE(parser.parse(text)) << text;
    EXPECT_FALSE(parser.refused_by_rule()) << text;
  }
  EXPECT_TRUE(parser.parse("[1]"));
  EXPECT_FALSE(parser.refused_by_rule());
}

TEST(Parser, RefusesLoneSurrogates) {
  for (const std::string_view text :
       {R"("\ud800")"sv, R"("\uDBFF")"sv, R"("\udc00")"sv, R"("\uDFFF")"sv, R"("a\ud800b")"sv,
        R"("\ud83d\ud83d\ude00")"sv, R"("\ude00\ud83d")"sv, R"("\ud800\u0041")"sv,
        R"("\ud83d\\ude00")"sv, R"("\ud83d😀")"sv, R"({"\udc00":1})"sv, R"({"a":["\uD800"]})"sv,
        R"("\ud83d\ude00\udc00")"sv, R"("\uD800\uE000")"sv, R"("\uD800\uDBFF")"sv}) {
    expect_refused(text);
  }
  expect_accepted(R"("\u0001퟿힣헤\ud7ff\ue000")");  // U+D7FF starts with ED as surrogates do
}

// What a control character in a text means is for the text's check to say (product.md C2).
TEST(Parser, PassesNulInValuesWholeAndRefusesItInKeys) {
  Parser parser;
  EXPECT_EQ(parser.parse(R"(["a\u0000b"])")->at(0).as_string(), "a\0b"sv);
  EXPECT_EQ(parser.parse(R"("\u0000")")->as_string(), "\0"sv);
  expect_refused(R"({"a\u0000":1})", "NUL");
  expect_refused(R"([{"\u0000":{}}])", "NUL");
}

TEST(Parser, BoundsDepth) {
  for (const auto& [open, inner, close] :
       {std::tuple{"[", "1", "]"}, std::tuple{R"({"a":)", "1", "}"}}) {
    const std::size_t max = limits::kJsonDepthMax;
    expect_accepted(repeat(open, max) + inner + repeat(close, max));
    expect_refused(repeat(open, max + 1) + inner + repeat(close, max + 1), "nested");
  }
  expect_accepted(repeat("[", limits::kJsonDepthMax) + repeat("]", limits::kJsonDepthMax));
  expect_refused(repeat("[", limits::kJsonDepthMax + 1) + repeat("]", limits::kJsonDepthMax + 1));
  // Depth, not the number of containers.
  expect_accepted("[" + repeat("[[]],", 100) + "[]]");
}

TEST(Parser, SurvivesAMillionBrackets) {
  expect_refused(std::string(1'000'000, '['));
  expect_refused(repeat(R"({"a":)", 200'000));
  expect_refused(std::string(500'000, '[') + std::string(500'000, ']'), "nested");
  expect_refused("[" + repeat("[],", 300'000) + "[]]", "2,100");
}

TEST(Parser, BoundsNodes) {
  const std::size_t max = limits::kJsonNodesMax;
  expect_accepted("[" + repeat("1,", max - 2) + "1]");
  expect_refused("[" + repeat("1,", max - 1) + "1]", "2,100");
  // Keys are no nodes: an object of 2,099 fields and itself.
  std::string object = "{";
  for (std::size_t i = 0; i < max - 2; ++i) object += "\"" + std::to_string(i) + "\":0,";
  expect_accepted(object + "\"last\":0}");
  expect_refused(object + "\"last\":0,\"more\":0}", "2,100");
}

TEST(Parser, RefusesDuplicateKeys) {
  for (const std::string_view text :
       {R"({"a":1,"a":1})"sv, R"({"a":1,"b":2,"a":3})"sv, R"({"a":1,"\u0061":2})"sv,
        R"({"":1,"":2})"sv, R"([{"b":{"c":1,"c":2}}])"sv, R"({"/":1,"\/":2})"sv,
        R"({"😀":1,"\ud83d\ude00":2})"sv, R"({"o":{"x":{}},"a":1,"o":[]})"sv}) {
    expect_refused(text, "same key");
  }
  // The same name in different objects is no duplicate.
  expect_accepted(R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]})");
  // Both ways of looking: few keys, many keys, the equal pair at every place.
  for (const std::size_t count : {2U, 7U, 8U, 9U, 10U, 50U, 300U}) {
    for (const std::size_t twin : {std::size_t{0}, count / 2, count - 1}) {
      std::string text = "{";
      for (std::size_t i = 0; i < count; ++i) text += "\"k" + std::to_string(i) + "\":[{}],";
      expect_accepted(text + "\"k\":0}");
      expect_refused(text + "\"k" + std::to_string(twin) + "\":0}", "same key");
    }
  }
}

TEST(Parser, ReadsIntegersExactly) {
  Parser parser;
  const auto integer = [&](std::string_view text) {
    return parser.parse(text).value().as_integer();
  };
  EXPECT_EQ(integer("0"), 0);
  EXPECT_EQ(integer("-0"), 0);
  EXPECT_EQ(integer("3"), 3);
  EXPECT_EQ(integer("3.0"), 3);
  EXPECT_EQ(integer("3e2"), 300);
  EXPECT_EQ(integer("-3.0e0"), -3);
  EXPECT_EQ(integer("9007199254740993"), 9007199254740993);
  EXPECT_EQ(integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(integer("9007199254740991.0"), 9007199254740991);
  EXPECT_EQ(integer("-9007199254740991.0"), -9007199254740991);
  for (const std::string_view text :
       {"3.5"sv, "-0.1"sv, "9007199254740992.0"sv, "-9007199254740993.0"sv, "1e-5"sv,
        "9223372036854775808"sv, "18446744073709551615"sv, "18446744073709551616"sv,
        "-9223372036854775809"sv, "9223372036854775808.0"sv, "1e19"sv, "1e300"sv,
        "100000000000000000000"sv, "\"3\""sv}) {
    EXPECT_FALSE(integer(text)) << text;
  }
  // A number that needs doubles must not cost its neighbour a digit.
  const Value pair = parser
                         .parse(R"({"big":100000000000000000000,"text":"\"100000000000000000000",)"
                                R"("max":9223372036854775807,"min":-9223372036854775808})")
                         .value();
  EXPECT_EQ(pair["big"].kind(), Kind::kNumber);
  EXPECT_EQ(pair["text"].as_string(), "\"100000000000000000000");
  EXPECT_EQ(pair["max"].as_integer(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(pair["min"].as_integer(), std::numeric_limits<std::int64_t>::min());
}

TEST(Parser, SurvivesNumbersOfAMegabyte) {
  const std::string digits(1'000'000, '1');
  expect_refused(digits);  // beyond the largest double
  expect_refused("-" + digits);
  expect_refused(digits + "x");
  expect_refused("1e" + digits);
  expect_accepted("0." + digits);
  expect_accepted("1e-" + digits);
  expect_accepted("0." + std::string(1'000'000, '0'));
  expect_refused(digits + "e-999999");  // digits beyond what simdjson scales
}

TEST(Parser, SurvivesAMegabyteOfSpacesAndStrings) {
  expect_accepted(std::string(1'000'000, ' ') + "1");
  expect_refused(std::string(1'000'000, ' '));
  Parser parser;
  const std::string text = repeat("가a😀", 125'000);
  const auto value = parser.parse("\"" + text + "\"");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->as_string(), text);
  expect_refused("\"" + text);
}

TEST(Parser, CountsTooLargeDocumentsOut) {
  expect_refused("\"" + std::string(16 * 1024 * 1024, 'a') + "\"", "too large");
}

TEST(Parser, CanBeUsedAgainAfterAnything) {
  Parser parser;
  const std::string huge = "[\"" + std::string(60'000, 'x') + "\",1]";
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(parser.parse(R"({"a":"short"})").value()["a"].as_string(), "short");
    EXPECT_FALSE(parser.parse("{"));
    EXPECT_FALSE(parser.parse(""));
    const Value large = parser.parse(huge).value();
    EXPECT_EQ(large.at(0).as_string()->size(), 60'000U);
    EXPECT_EQ(large.at(1).as_integer(), 1);
    EXPECT_FALSE(parser.parse(huge.substr(1)));
    EXPECT_FALSE(parser.parse(R"({"a":1,"a":2})"));
    EXPECT_EQ(parser.parse("7").value().as_integer(), 7);
  }
}

TEST(Parser, DoesNotKeepTheInput) {
  Parser parser;
  std::string text = R"({"a":"b","longer than any small string":["c"]})";
  const Value value = parser.parse(text).value();
  text.assign(text.size(), '!');
  EXPECT_EQ(value["a"].as_string(), "b");
  EXPECT_EQ(value["longer than any small string"].at(0).as_string(), "c");
}

TEST(Parser, ForgetsWhatItHolds) {
  Parser parser;
  for (const std::size_t size : {12u, 5'000u, 300'000u}) {
    // Escapes and none: both ways in which a string is kept.
    const std::string text(size, 's');
    const auto value = parser.parse("[\"" + text + "\",\"\\u0073" + text.substr(1) + "\"]");
    ASSERT_TRUE(value) << size;
    const std::string_view plain = *value->at(0).as_string();
    const std::string_view escaped = *value->at(1).as_string();
    ASSERT_EQ(plain, text);
    ASSERT_EQ(escaped, text);
    parser.forget();  // the memory stays the parser's
    EXPECT_EQ(plain, std::string(size, '\0')) << size;
    EXPECT_EQ(escaped, std::string(size, '\0')) << size;
    EXPECT_EQ(*parser.parse("\"x\"")->as_string(), "x");
  }
}

TEST(Parser, ReadsEveryLengthUpToSomePages) {
  // The padding and the powers of two at which the buffers grow.
  Parser parser;
  for (std::size_t bytes = 0; bytes < 9'000; bytes = bytes < 300 ? bytes + 1 : bytes + 61) {
    const std::string text(bytes, 'y');
    const auto value = parser.parse("\"" + text + "\"");
    ASSERT_TRUE(value) << bytes;
    ASSERT_EQ(value->as_string(), text);
    ASSERT_FALSE(parser.parse("\"" + text)) << bytes;
  }
}

}  // namespace
}  // namespace maru::json
