#include "socketio/decoder.hpp"

#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace maru::socketio {
namespace {

bool accepts(std::string_view message) {
  const auto header = decode_header(message);
  if (!header) return false;
  Decoder decoder;
  return decoder.decode_payload(*header).has_value();
}

TEST(Header, ReadsEveryPart) {
  const auto header = decode_header(R"(52-/admin,456["x",{"_placeholder":true,"num":0}])");
  ASSERT_TRUE(header);
  EXPECT_EQ(header->type, PacketType::kBinaryEvent);
  EXPECT_EQ(header->attachments, 2U);
  EXPECT_EQ(header->namespace_name, "/admin");
  EXPECT_EQ(header->ack, 456U);
  EXPECT_TRUE(header->payload.starts_with("[\"x\""));
}

TEST(Header, NamespaceMayEndWithoutAComma) {
  EXPECT_EQ(decode_header("0/custom")->namespace_name, "/custom");
  EXPECT_EQ(decode_header("0/custom,")->namespace_name, "/custom");
  EXPECT_EQ(decode_header("0")->namespace_name, "/");
  EXPECT_EQ(decode_header("0/custom,{}")->payload, "{}");
}

TEST(Header, AckIdsAre64Bits) {
  EXPECT_EQ(decode_header("20[\"a\"]")->ack, 0U);
  EXPECT_EQ(decode_header("200007[\"a\"]")->ack, 7U);
  EXPECT_EQ(decode_header("218446744073709551615[\"a\"]")->ack, 18446744073709551615U);
  EXPECT_FALSE(decode_header("218446744073709551616[\"a\"]"));
  EXPECT_FALSE(decode_header("2" + std::string(50'000, '9') + "[\"a\"]"));
  EXPECT_FALSE(decode_header("2[\"a\"]")->ack);
}

TEST(Header, AttachmentsAreOneToTen) {
  EXPECT_FALSE(decode_header("50-[\"a\"]"));
  EXPECT_EQ(decode_header("51-[\"a\"]")->attachments, 1U);
  EXPECT_EQ(decode_header("510-[\"a\"]")->attachments, 10U);
  EXPECT_FALSE(decode_header("511-[\"a\"]"));
  for (const char* text : {"51", "5a-", "51.23-", "5-", "5-1-[\"a\"]", "5+1-[\"a\"]", "5 1-[\"a\"]",
                           "5999999999-[\"a\"]", "5", "6"}) {
    EXPECT_FALSE(decode_header(text)) << text;
  }
}

TEST(Payload, EventsNeedANameThatIsNotReserved) {
  EXPECT_TRUE(accepts(R"(2["message",1])"));
  EXPECT_TRUE(accepts(R"(2["error"])"));
  EXPECT_TRUE(accepts(R"(2[""])"));
  EXPECT_TRUE(accepts("2"));  // says nothing
  for (const char* text : {R"(2[{"toString":"foo"}])",
                           R"(2[true,"foo"])",
                           R"(2[null,"bar"])",
                           R"(2["connect"])",
                           R"(2["connect_error"])",
                           R"(2["disconnect","123"])",
                           R"(2["disconnecting"])",
                           R"(2["newListener"])",
                           R"(2["removeListener"])",
                           "2[]",
                           "2{}",
                           "2null",
                           "2\"a\"",
                           R"(442["some","data")",
                           R"(2abc["a"])",
                           R"(2["a"]])",
                           R"(2["a"],)",
                           "999",
                           "7",
                           "a",
                           ""}) {
    EXPECT_FALSE(accepts(text)) << text;
  }
}

TEST(Payload, NumbersAreNamesAsWritten) {
  Decoder decoder;
  for (const auto& [text, name] : {std::pair{"212[12,1]", "12"},
                                   {"2[ 1.5 ]", "1.5"},
                                   {"2[-3]", "-3"},
                                   {"2[1e3\n,2]", "1e3"},
                                   {"2 \n[ 7 ]", "7"},
                                   {"2\t\t\t[12,1]", "12"}}) {
    const auto payload = decoder.decode_payload(*decode_header(text));
    ASSERT_TRUE(payload) << text;
    EXPECT_EQ(payload->event_name, name);
  }
}

TEST(Payload, ConnectTakesAnObjectOrNothing) {
  for (const char* text : {"0", "0{}", R"(0{"token":"1"})", "0/x", "0/x,{}"}) {
    EXPECT_TRUE(accepts(text)) << text;
  }
  for (const char* text : {"0[]", "0null", "0\"x\"", "0/admin,[]", "0{", "0/x,true"}) {
    EXPECT_FALSE(accepts(text)) << text;
  }
}

TEST(Payload, TheOtherTypes) {
  EXPECT_TRUE(accepts("1"));
  EXPECT_TRUE(accepts("1/admin,"));
  EXPECT_FALSE(accepts("1{}"));
  EXPECT_FALSE(accepts("1/admin,{}"));
  EXPECT_TRUE(accepts("31[]"));
  EXPECT_FALSE(accepts("31{}"));
  EXPECT_TRUE(accepts("4\"no\""));
  EXPECT_TRUE(accepts(R"(4{"message":"no"})"));
  EXPECT_FALSE(accepts("4"));
  EXPECT_FALSE(accepts("4[]"));
}

TEST(Payload, PlaceholdersNameAttachments) {
  EXPECT_TRUE(accepts(R"(51-["x",{"_placeholder":true,"num":0}])"));
  EXPECT_TRUE(accepts(R"(61-1[{"a":[{"_placeholder":true,"num":0}]}])"));
  EXPECT_TRUE(accepts(R"(51-["x",{"_placeholder":false,"num":9}])"));
  for (const char* number : {"\"splice\"", "-1", "1.5", "99", "1", "null", "[]"}) {
    EXPECT_FALSE(accepts(R"(51-["x",{"_placeholder":true,"num":)" + std::string(number) + "}]"))
        << number;
  }
  EXPECT_FALSE(accepts(R"(51-["x",{"_placeholder":true}])"));
  EXPECT_FALSE(accepts(R"(51-["x",{"y":{"_placeholder":true,"num":7}}])"));
  EXPECT_TRUE(accepts(R"(2["x",{"_placeholder":true,"num":"splice"}])"));  // plain JSON there
}

TEST(Decoder, VisitsAtMostTwoBytesForEachByteOfInput) {
  const std::string many(64 * 1024 - 10, '1');
  for (const std::string& text :
       {"2" + many, "5" + many, "0/" + many, "2/" + many + ",[\"a\"]", "2[\"" + many + "\"]",
        "2" + std::string(60'000, '['), "20" + many.substr(0, 18) + "[\"a\"]"}) {
    Decoder decoder;
    const auto header = decoder.decode_header_counted(text);
    if (header) static_cast<void>(decoder.decode_payload(*header));
    EXPECT_LE(decoder.bytes_visited(), 2 * text.size()) << text.substr(0, 20);
  }
}

// This thread's own time for reading `message`, the best of several tries.
std::int64_t cost_ns(const std::string& message) {
  std::int64_t best = std::numeric_limits<std::int64_t>::max();
  for (int attempt = 0; attempt < 7; ++attempt) {
    Decoder decoder;
    timespec begun{};
    timespec ended{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun);
    for (int i = 0; i < 20; ++i) {
      const auto header = decoder.decode_header_counted(message);
      if (header) static_cast<void>(decoder.decode_payload(*header));
    }
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended);
    best = std::min(best,
                    (ended.tv_sec - begun.tv_sec) * 1'000'000'000 + ended.tv_nsec - begun.tv_nsec);
  }
  return best;
}

// CVE-2020-36049: eight times the input is about eight times the work; a decoder that copied what
// it has at each byte would need sixty-four times as much. A ratio, so the machine's speed is no
// matter.
TEST(Decoder, WorkGrowsWithTheInputNotWithItsSquare) {
  const auto repeat = [](const std::string& piece, std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += piece;
    return text;
  };
  const std::vector<std::function<std::string(std::size_t)>> shapes = {
      [&](std::size_t n) { return "2" + repeat("1", n); },
      [&](std::size_t n) { return "5" + repeat("1", n) + "-"; },
      [&](std::size_t n) { return "2/" + repeat("a", n); },
      [&](std::size_t n) { return "2[\"a\"," + repeat("[", n); },
      [&](std::size_t n) { return "2[\"a\",\"" + repeat("x", n) + "\"]"; },
      [&](std::size_t n) { return "2[\"a\"," + repeat("1", n) + "]"; },
      [&](std::size_t n) { return "2[\"a\",\"" + repeat("\\u0041", n) + "\"]"; },
      [&](std::size_t n) { return "2[\"a\"," + repeat(" ", n) + "1]"; },
  };
  for (const auto& shape : shapes) {
    const std::string small = shape(32 * 1024);
    const std::string large = shape(256 * 1024);
    const std::int64_t floor_ns = 20'000;  // below that the clock says nothing
    EXPECT_LT(cost_ns(large), 24 * std::max(cost_ns(small), floor_ns)) << large.substr(0, 20);
  }
}

}  // namespace
}  // namespace maru::socketio
