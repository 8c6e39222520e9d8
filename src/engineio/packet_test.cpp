#include "engineio/packet.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace maru::engineio {
namespace {

struct Read {
  std::vector<std::string> packets;  // "4hello", or "b:" and the bytes
  bool faulty = false;
};

Read read_all(std::string_view payload) {
  Read read;
  std::string scratch;
  PayloadReader reader(payload, scratch);
  Packet packet;
  while (true) {
    switch (reader.next(packet)) {
      case PayloadReader::Step::kPacket:
        read.packets.push_back(packet.binary ? "b:" + std::string(packet.data)
                                             : std::to_string(static_cast<int>(packet.type)) +
                                                   std::string(packet.data));
        break;
      case PayloadReader::Step::kFaulty:
        read.faulty = true;
        return read;
      case PayloadReader::Step::kEnd:
        return read;
    }
  }
}

TEST(Packet, ReadsEveryType) {
  std::string scratch;
  for (int type = 0; type <= 6; ++type) {
    const auto packet = decode_packet(std::to_string(type) + "data", scratch);
    ASSERT_TRUE(packet);
    EXPECT_EQ(static_cast<int>(packet->type), type);
    EXPECT_EQ(packet->data, "data");
    EXPECT_FALSE(packet->binary);
  }
}

TEST(Packet, RefusesTheEmptyAndTheUnknown) {
  std::string scratch;
  for (const char* text : {"", "7", "a", "abc", " 4", "b*", "\x1e", "\xFF", "B"}) {
    EXPECT_FALSE(decode_packet(text, scratch)) << text;
  }
}

TEST(Packet, ReadsABinaryMessageFromText) {
  std::string scratch;
  const auto packet = decode_packet("bAQID", scratch);
  ASSERT_TRUE(packet);
  EXPECT_TRUE(packet->binary);
  EXPECT_EQ(packet->type, PacketType::kMessage);
  EXPECT_EQ(packet->data, "\x01\x02\x03");
}

TEST(Payload, ReadsPacketsInOrder) {
  const Read read = read_all(
      "4hello\x1e"
      "bAQIDBA==\x1e"
      "2\x1e"
      "4");
  EXPECT_FALSE(read.faulty);
  EXPECT_EQ(read.packets, (std::vector<std::string>{"4hello", "b:\x01\x02\x03\x04", "2", "4"}));
}

TEST(Payload, StopsAtTheFirstFault) {
  const Read read = read_all(
      "4a\x1e"
      "x\x1e"
      "4b");
  EXPECT_TRUE(read.faulty);
  EXPECT_EQ(read.packets, std::vector<std::string>{"4a"});
}

TEST(Payload, RefusesEmptyPacketsAnywhere) {
  for (const char* payload : {"", "\x1e", "4a\x1e",
                              "\x1e"
                              "4a",
                              "4a\x1e\x1e"
                              "4b"}) {
    EXPECT_TRUE(read_all(payload).faulty) << payload;
  }
}

TEST(Payload, GoesOnWhereAnotherReaderStopped) {
  const std::string payload =
      "4a\x1e"
      "4b\x1e"
      "4c";
  std::string scratch;
  std::size_t offset = 0;
  std::vector<std::string> seen;
  while (true) {
    PayloadReader reader(payload, scratch, offset);
    Packet packet;
    if (reader.next(packet) != PayloadReader::Step::kPacket) break;
    seen.emplace_back(packet.data);
    offset = reader.offset();
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(Open, HasTheFiveKeysInOrder) {
  EXPECT_EQ(encode_open({"abc", true, 300, 200, 1'000'000}),
            R"(0{"sid":"abc","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,)"
            R"("maxPayload":1000000})");
  EXPECT_EQ(encode_open({"abc", false, 25'000, 20'000, 65'536}),
            R"(0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":20000,)"
            R"("maxPayload":65536})");
}

TEST(Payload, KnowsItsLongestPacket) {
  EXPECT_EQ(longest_packet(""), 0U);
  EXPECT_EQ(longest_packet("4abc"), 4U);
  EXPECT_EQ(longest_packet("4a\x1e"), 2U);
  EXPECT_EQ(longest_packet("4a\x1e"
                           "4bcd\x1e"
                           "4"),
            4U);
  EXPECT_EQ(longest_packet("\x1e"
                           "4bcd"),
            4U);
}

}  // namespace
}  // namespace maru::engineio
