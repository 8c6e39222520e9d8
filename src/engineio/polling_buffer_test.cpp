#include "engineio/polling_buffer.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace maru::engineio {
namespace {

constexpr std::size_t kMax = 1000;

TEST(PollingBuffer, JoinsAllInOnePayload) {
  PollingBuffer buffer;
  EXPECT_TRUE(buffer.empty());
  ASSERT_TRUE(buffer.push_text("4hello", kMax));
  ASSERT_TRUE(buffer.push_binary("\x01\x02\x03\x04", kMax));
  ASSERT_TRUE(buffer.push_shared(SharedBytes::copy("xx4shared"), 2, kMax));
  const std::size_t announced = buffer.size_bytes();
  const std::string payload = buffer.take_payload();
  EXPECT_EQ(payload,
            "4hello\x1e"
            "bAQIDBA==\x1e"
            "4shared");
  EXPECT_EQ(payload.size(), announced);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.size_bytes(), 0U);
}

TEST(PollingBuffer, RefusesWhatPassesItsBound) {
  PollingBuffer buffer;
  EXPECT_FALSE(buffer.push_text("12345", 4));
  ASSERT_TRUE(buffer.push_text("1234", 4));
  EXPECT_FALSE(buffer.push_text("", 4));  // its separator
  EXPECT_EQ(buffer.take_payload(), "1234");
  ASSERT_TRUE(buffer.push_text("12", 4));
  ASSERT_TRUE(buffer.push_text("3", 4));
  EXPECT_FALSE(buffer.push_binary("", 4));
  EXPECT_EQ(buffer.take_payload(),
            "12\x1e"
            "3");
}

TEST(PollingBuffer, BoundsWhatManySmallPacketsTake) {
  PollingBuffer buffer;
  constexpr std::size_t kBytesMax = 16'000;
  std::size_t pushed = 0;
  while (buffer.push_text("6", kBytesMax)) ++pushed;
  EXPECT_EQ(pushed, 1016U);  // of 16 bytes each
  EXPECT_EQ(buffer.take_payload().size(), 2 * pushed - 1);
  EXPECT_TRUE(buffer.push_text("6", kBytesMax));
}

TEST(PollingBuffer, CountsBinaryAsItIsOnTheWire) {
  PollingBuffer buffer;
  EXPECT_FALSE(buffer.push_binary("1234", 8));
  EXPECT_TRUE(buffer.push_binary("1234", 9));
}

TEST(PollingBuffer, DrainsInOrderForAWebSocket) {
  PollingBuffer buffer;
  ASSERT_TRUE(buffer.push_text("4a", kMax));
  ASSERT_TRUE(buffer.push_binary("b", kMax));
  const SharedBytes frame = SharedBytes::copy("xx4shared");
  ASSERT_TRUE(buffer.push_shared(frame, 2, kMax));
  std::vector<std::pair<std::string, bool>> seen;
  const char* shared = nullptr;
  buffer.drain([&](SharedBytes bytes, std::size_t skip, bool binary) {
    seen.emplace_back(bytes.view().substr(skip), binary);
    if (skip > 0) shared = bytes.view().data();
  });
  EXPECT_EQ(seen, (std::vector<std::pair<std::string, bool>>{
                      {"4a", false}, {"b", true}, {"4shared", false}}));
  EXPECT_EQ(shared, frame.view().data()) << "handed on, not copied";
  EXPECT_TRUE(buffer.empty());
}

}  // namespace
}  // namespace maru::engineio
