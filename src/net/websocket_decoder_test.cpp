#include "net/websocket_decoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "net/test_allocations.hpp"
#include "net/utf8.hpp"

namespace maru::net {
namespace {

using test::Allocations;
using Kind = WebSocketDecoder::Kind;

struct Seen {
  Kind kind;
  std::uint16_t status = 0;
  std::string payload;
  bool operator==(const Seen&) const = default;
};

void PrintTo(const Seen& seen, std::ostream* out) {
  *out << static_cast<int>(seen.kind) << "/" << seen.status << "/" << seen.payload.size() << ":"
       << seen.payload.substr(0, 20);
}

struct FrameOptions {
  bool final = true;
  unsigned reserved = 0;  // RSV1 is 4
  bool masked = true;
  int length_bytes = -1;  // -1: the shortest form
};

std::string frame(unsigned opcode, std::string_view payload, FrameOptions options = {}) {
  std::string out;
  out.push_back(static_cast<char>((options.final ? 0x80 : 0) | options.reserved << 4 | opcode));
  int length_bytes = options.length_bytes;
  if (length_bytes < 0) length_bytes = payload.size() < 126 ? 0 : payload.size() < 65'536 ? 2 : 8;
  const unsigned short_length = length_bytes == 0   ? static_cast<unsigned>(payload.size())
                                : length_bytes == 2 ? 126
                                                    : 127;
  out.push_back(static_cast<char>((options.masked ? 0x80 : 0) | short_length));
  for (int i = length_bytes - 1; i >= 0; --i) {
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(payload.size()) >> (8 * i)));
  }
  if (!options.masked) return out.append(payload);
  const unsigned char mask[4] = {0x37, 0xFA, 0x21, 0x3D};
  for (const unsigned char byte : mask) out.push_back(static_cast<char>(byte));
  for (std::size_t i = 0; i < payload.size(); ++i) {
    out.push_back(static_cast<char>(payload[i] ^ mask[i & 3]));
  }
  return out;
}

std::string close_payload(unsigned status, std::string_view reason = {}) {
  std::string payload = {static_cast<char>(status >> 8), static_cast<char>(status)};
  return payload.append(reason);
}

void drain(WebSocketDecoder& decoder, std::string bytes, std::vector<Seen>& seen,
           std::int64_t now_ms = 0) {
  std::span<char> input(bytes);
  while (true) {
    const auto event = decoder.next(input, now_ms);
    if (event.kind == Kind::kNeedMore) break;
    seen.push_back({event.kind, event.status, std::string(event.payload)});
  }
  EXPECT_TRUE(input.empty()) << "what is not used up would be lost";
}

std::vector<Seen> decode(std::string bytes, std::size_t message_bytes_max = 65'536) {
  WebSocketDecoder decoder(message_bytes_max);
  std::vector<Seen> seen;
  drain(decoder, std::move(bytes), seen);
  return seen;
}

struct Case {
  const char* name;
  std::string bytes;
  std::vector<Seen> expected;
};

std::vector<Case> valid_cases() {
  const std::string hangul = "\xEC\x95\x88\xEB\x85\x95";
  return {
      {"empty text", frame(1, ""), {{Kind::kText, 0, ""}}},
      {"text", frame(1, "hello"), {{Kind::kText, 0, "hello"}}},
      {"125 bytes", frame(1, std::string(125, 'a')), {{Kind::kText, 0, std::string(125, 'a')}}},
      {"126 bytes", frame(1, std::string(126, 'a')), {{Kind::kText, 0, std::string(126, 'a')}}},
      {"65535 bytes",
       frame(2, std::string(65'535, 'a')),
       {{Kind::kBinary, 0, std::string(65'535, 'a')}}},
      {"65536 bytes",
       frame(2, std::string(65'536, 'a')),
       {{Kind::kBinary, 0, std::string(65'536, 'a')}}},
      {"long length form", frame(1, "hi", {.length_bytes = 8}), {{Kind::kText, 0, "hi"}}},
      {"two messages",
       frame(1, "a") + frame(2, "b"),
       {{Kind::kText, 0, "a"}, {Kind::kBinary, 0, "b"}}},
      {"fragments",
       frame(1, "a", {.final = false}) + frame(0, "b", {.final = false}) + frame(0, "c"),
       {{Kind::kText, 0, "abc"}}},
      {"a character split between fragments",
       frame(1, hangul.substr(0, 1), {.final = false}) + frame(0, hangul.substr(1)),
       {{Kind::kText, 0, hangul}}},
      {"ping between fragments",
       frame(1, "a", {.final = false}) + frame(9, "p") + frame(0, "b"),
       {{Kind::kPing, 0, "p"}, {Kind::kText, 0, "ab"}}},
      {"ping and pong at 125",
       frame(9, std::string(125, 'p')) + frame(10, ""),
       {{Kind::kPing, 0, std::string(125, 'p')}, {Kind::kPong, 0, ""}}},
      {"close without a status", frame(8, ""), {{Kind::kClose, kCloseNoStatus, ""}}},
      {"close with status and reason",
       frame(8, close_payload(1000, "bye")),
       {{Kind::kClose, 1000, "bye"}}},
      {"private close status", frame(8, close_payload(4999)), {{Kind::kClose, 4999, ""}}},
      {"nothing counts after a close",
       frame(8, "") + frame(1, "late"),
       {{Kind::kClose, kCloseNoStatus, ""}}},
  };
}

std::vector<Case> faulty_cases() {
  const auto error = [](std::uint16_t status) {
    return std::vector<Seen>{{Kind::kError, status, ""}};
  };
  std::vector<Case> cases = {
      {"unmasked", frame(1, "a", {.masked = false}), error(1002)},
      {"CVE-2022-21676: a body behind the upgrade", "test", error(1002)},
      {"RSV1", frame(1, "a", {.reserved = 4}), error(1002)},
      {"RSV2", frame(1, "a", {.reserved = 2}), error(1002)},
      {"RSV3 on a ping", frame(9, "a", {.reserved = 1}), error(1002)},
      {"split ping", frame(9, "a", {.final = false}), error(1002)},
      {"split close", frame(8, "", {.final = false}), error(1002)},
      {"ping of 126", frame(9, std::string(126, 'a')), error(1002)},
      {"close of 126", frame(8, close_payload(1000, std::string(124, 'a'))), error(1002)},
      {"continuation of nothing", frame(0, "a"), error(1002)},
      {"text within a message", frame(1, "a", {.final = false}) + frame(1, "b"), error(1002)},
      {"length with the top bit", std::string("\x82\xFF\xFF\0\0\0\0\0\0\0\0\0\0\0", 14),
       error(1002)},
      {"close of one byte", frame(8, "a"), error(1002)},
      {"close reason not UTF-8", frame(8, close_payload(1000, "\xFF")), error(1007)},
      {"text not UTF-8", frame(1, "\xC3"), error(1007)},
      {"surrogate", frame(1, "\xED\xA0\x80"), error(1007)},
      {"overlong", frame(1, "\xC0\xAF"), error(1007)},
      {"past U+10FFFF", frame(1, "\xF4\x90\x80\x80"), error(1007)},
      {"fragmented text not UTF-8", frame(1, "a", {.final = false}) + frame(0, "\x80"),
       error(1007)},
      {"one byte too long", frame(2, std::string(65'537, 'a')), error(1009)},
      {"fragments one byte too long",
       frame(2, std::string(65'536, 'a'), {.final = false}) + frame(0, "b"), error(1009)},
  };
  for (const unsigned opcode : {3U, 4U, 5U, 6U, 7U, 11U, 12U, 13U, 14U, 15U}) {
    cases.push_back({"unknown opcode", frame(opcode, "a"), error(1002)});
  }
  for (const unsigned status : {0U, 999U, 1004U, 1005U, 1006U, 1015U, 2999U, 5000U, 65535U}) {
    cases.push_back(
        {"close status not for the wire", frame(8, close_payload(status)), error(1002)});
  }
  return cases;
}

TEST(WebSocketDecoder, ReadsWhatRfc6455Allows) {
  for (const Case& c : valid_cases()) EXPECT_EQ(decode(c.bytes), c.expected) << c.name;
}

TEST(WebSocketDecoder, RefusesWithTheRightStatus) {
  for (const Case& c : faulty_cases()) EXPECT_EQ(decode(c.bytes), c.expected) << c.name;
}

TEST(WebSocketDecoder, ASplitAtEveryByteIsTheSameAsTheWhole) {
  std::vector<Case> cases = valid_cases();
  for (Case& c : faulty_cases()) cases.push_back(std::move(c));
  for (const Case& c : cases) {
    const std::size_t step = c.bytes.size() > 1000 ? 997 : 1;
    for (std::size_t at = 0; at <= c.bytes.size(); at += step) {
      WebSocketDecoder decoder(65'536);
      std::vector<Seen> seen;
      drain(decoder, c.bytes.substr(0, at), seen);
      drain(decoder, c.bytes.substr(at), seen);
      EXPECT_EQ(seen, c.expected) << c.name << " split at " << at;
    }
  }
}

TEST(WebSocketDecoder, ByteByByteIsTheSameAsTheWhole) {
  for (const Case& c : valid_cases()) {
    WebSocketDecoder decoder(65'536);
    std::vector<Seen> seen;
    for (const char byte : c.bytes) drain(decoder, std::string(1, byte), seen);
    EXPECT_EQ(seen, c.expected) << c.name;
  }
}

// CVE-2016-10542. As much as a message may have, and not all of it there: only what is there is
// kept.
TEST(WebSocketDecoder, AllocatesForWhatIsThereNotForWhatIsAnnounced) {
  std::vector<Seen> seen;
  seen.reserve(4);
  WebSocketDecoder decoder(64UL * 1024 * 1024);
  const std::string header("\x82\xFF\0\0\0\0\3\0\0\0\1\2\3\4", 14);
  Allocations::reset();
  drain(decoder, header + std::string(100, 'x'), seen);
  EXPECT_LT(Allocations::largest(), 1024U);
  WebSocketDecoder small(65'536);
  Allocations::reset();
  drain(small, std::string("\x82\xFF\0\0\0\0\x40\0\0\0\1\2\3\4", 14), seen);
  EXPECT_EQ(seen.back(), (Seen{Kind::kError, 1009, ""}));
  EXPECT_LT(Allocations::largest(), 1024U);
}

// CVE-2016-10518: a ping's payload comes back whole and alone, however its frame was cut.
TEST(WebSocketDecoder, APingInPiecesKeepsItsPayload) {
  std::string payload;
  for (int i = 0; i < 125; ++i) payload.push_back(static_cast<char>(i));
  const std::string bytes = frame(9, payload);
  for (const std::size_t step : {1U, 2U, 7U, 130U}) {
    WebSocketDecoder decoder(65'536);
    std::vector<Seen> seen;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      drain(decoder, bytes.substr(at, step), seen);
    }
    EXPECT_EQ(seen, (std::vector<Seen>{{Kind::kPing, 0, payload}})) << step;
  }
}

// CVE-2026-48779: a million one-byte frames cost no memory and end at the seventeenth fragment.
TEST(WebSocketDecoder, EndlessFragmentsByteByByteEndAndKeepNothing) {
  for (const std::string_view payload : {"", "a"}) {
    WebSocketDecoder decoder(65'536);
    std::vector<Seen> seen;
    seen.reserve(4);
    const std::size_t before = Allocations::outstanding();
    const std::string first = frame(1, payload, {.final = false});
    const std::string more = frame(0, payload, {.final = false});
    Allocations::reset();
    for (const char byte : first) drain(decoder, std::string(1, byte), seen);
    for (int i = 0; i < 1'000'000; ++i) {
      if (i < 100) {
        for (const char byte : more) drain(decoder, std::string(1, byte), seen);
      } else {
        drain(decoder, more, seen);
      }
    }
    EXPECT_EQ(seen, (std::vector<Seen>{{Kind::kError, 1008, ""}}));
    EXPECT_LT(Allocations::largest(), 1024U);
    EXPECT_LE(Allocations::outstanding(), before + 2);  // `first` and `more`
  }
}

TEST(WebSocketDecoder, RefusesFromTheHeaderAlone) {
  // A gigabyte is announced, not one byte of it is there.
  const std::string header("\x82\xFF\0\0\0\0\x40\0\0\0\1\2\3\4", 14);
  EXPECT_EQ(decode(header), (std::vector<Seen>{{Kind::kError, 1009, ""}}));
  // The first byte tells already.
  EXPECT_EQ(decode("\xC1"), (std::vector<Seen>{{Kind::kError, 1002, ""}}));
  EXPECT_EQ(decode(std::string("\x81\x05", 2)), (std::vector<Seen>{{Kind::kError, 1002, ""}}));
}

TEST(WebSocketDecoder, AllowsSixteenFragmentsAndEmptyOnesCount) {
  for (const std::string_view payload : {"", "a"}) {
    std::string bytes = frame(1, payload, {.final = false});
    for (std::size_t i = 2; i < limits::kWebSocketFragmentsMax; ++i) {
      bytes += frame(0, payload, {.final = false});
    }
    const auto whole = decode(bytes + frame(0, payload));
    ASSERT_EQ(whole.size(), 1U);
    EXPECT_EQ(whole[0].kind, Kind::kText);
    const auto refused = decode(bytes + frame(0, payload, {.final = false}) + frame(0, payload));
    EXPECT_EQ(refused, (std::vector<Seen>{{Kind::kError, 1008, ""}}));
  }
}

TEST(WebSocketDecoder, AllowsTenControlFramesASecond) {
  WebSocketDecoder decoder(1000);
  std::vector<Seen> seen;
  for (int second = 0; second < 3; ++second) {
    for (int i = 0; i < 10; ++i) drain(decoder, frame(i % 2 ? 9 : 10, "x"), seen, second * 1000);
  }
  EXPECT_EQ(seen.size(), 30U);
  drain(decoder, frame(9, "x"), seen, 2099);
  EXPECT_EQ(seen.back(), (Seen{Kind::kError, 1008, ""}));
}

// Not twice ten around the turn of a second.
TEST(WebSocketDecoder, ATenthOfASecondEarnsOneControlFrame) {
  WebSocketDecoder decoder(1000);
  std::vector<Seen> seen;
  for (int i = 0; i < 10; ++i) drain(decoder, frame(9, "x"), seen, 999);
  for (int i = 1; i <= 50; ++i) drain(decoder, frame(9, "x"), seen, 999 + i * 100);
  EXPECT_EQ(seen.size(), 60U);
  EXPECT_EQ(seen.back().kind, Kind::kPing);
  drain(decoder, frame(9, "x"), seen, 999 + 50 * 100 + 99);
  EXPECT_EQ(seen.back(), (Seen{Kind::kError, 1008, ""}));

  WebSocketDecoder second(1000);
  seen.clear();
  for (int i = 0; i < 10; ++i) drain(second, frame(9, "x"), seen, 999);
  drain(second, frame(9, "x"), seen, 1000);
  EXPECT_EQ(seen.back(), (Seen{Kind::kError, 1008, ""}));
}

TEST(WebSocketDecoder, TheBoundOfAMessageCanBeRaised) {
  WebSocketDecoder decoder(10);
  std::vector<Seen> seen;
  drain(decoder, frame(2, std::string(10, 'a')), seen);
  decoder.set_message_bytes_max(20);
  drain(decoder, frame(2, std::string(20, 'a')), seen);
  EXPECT_EQ(seen.back().payload.size(), 20U);
  drain(decoder, frame(2, std::string(21, 'a')), seen);
  EXPECT_EQ(seen.back(), (Seen{Kind::kError, 1009, ""}));
}

TEST(WebSocketDecoder, AcceptsACloseEvenAfterManyControlFrames) {
  WebSocketDecoder decoder(1000);
  std::vector<Seen> seen;
  for (int i = 0; i < 10; ++i) drain(decoder, frame(9, ""), seen);
  drain(decoder, frame(8, ""), seen);
  EXPECT_EQ(seen.back().kind, Kind::kClose);
}

TEST(WebSocketDecoder, KeepsNothingBetweenMessages) {
  WebSocketDecoder decoder(65'536);
  std::vector<Seen> seen;
  seen.reserve(4);
  const std::string bytes = frame(1, std::string(1000, 'a'));
  const std::size_t before = Allocations::outstanding();
  drain(decoder, bytes.substr(0, 500), seen);
  EXPECT_GT(Allocations::outstanding(), before);
  drain(decoder, bytes.substr(500), seen);
  drain(decoder, "", seen);
  EXPECT_EQ(seen.size(), 1U);
  seen.clear();
  EXPECT_EQ(Allocations::outstanding(), before);
}

TEST(WebSocketDecoder, MessageBoundCountsAllFragments) {
  EXPECT_EQ(decode(frame(2, ""), 0), (std::vector<Seen>{{Kind::kBinary, 0, ""}}));
  EXPECT_EQ(decode(frame(2, "a"), 0), (std::vector<Seen>{{Kind::kError, 1009, ""}}));
  EXPECT_EQ(decode(frame(2, "ab", {.final = false}) + frame(0, "c"), 3),
            (std::vector<Seen>{{Kind::kBinary, 0, "abc"}}));
  EXPECT_EQ(decode(frame(2, "ab", {.final = false}) + frame(0, "cd"), 3),
            (std::vector<Seen>{{Kind::kError, 1009, ""}}));
}

TEST(WebSocketDecoder, IsSmall) {
  EXPECT_LE(sizeof(WebSocketDecoder), 24U);
}

// A plain decoder of code points to compare with.
bool slow_is_valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const int extra = first < 0x80   ? 0
                      : first < 0xC0 ? -1
                      : first < 0xE0 ? 1
                      : first < 0xF0 ? 2
                      : first < 0xF8 ? 3
                                     : -1;
    if (extra < 0 || i + static_cast<std::size_t>(extra) >= text.size()) return false;
    std::uint32_t point = extra == 0 ? first : first & (0x3FU >> extra);
    for (int k = 1; k <= extra; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)]);
      if ((byte & 0xC0) != 0x80) return false;
      point = point << 6 | (byte & 0x3F);
    }
    constexpr std::uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    if (point < kLeast[extra] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) {
      return false;
    }
    i += static_cast<std::size_t>(extra) + 1;
  }
  return true;
}

TEST(Utf8, AgreesWithAPlainDecoder) {
  std::mt19937 random(20'261'123);
  const std::string pieces[] = {"a",
                                "\xC2\x80",
                                "\xEC\x95\x88",
                                "\xF0\x9F\x98\x80",
                                "\xED\x9F\xBF",
                                "\xED\xA0\x80",
                                "\xF4\x8F\xBF\xBF",
                                "\x80",
                                "\xE0\x9F\xBF",
                                "12345678"};
  int valid = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text;
    for (unsigned n = random() % 6; n > 0; --n) text += pieces[random() % std::size(pieces)];
    if (random() % 4 == 0 && !text.empty()) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    ASSERT_EQ(is_valid_utf8(text), slow_is_valid_utf8(text)) << testing::PrintToString(text);
    valid += is_valid_utf8(text) ? 1 : 0;
  }
  EXPECT_GT(valid, 10'000);
  EXPECT_LT(valid, 90'000);
}

}  // namespace
}  // namespace maru::net
