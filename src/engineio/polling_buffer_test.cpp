#include "engineio/polling_buffer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
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
  EXPECT_EQ(buffer.size_bytes(), 2 * pushed - 1);
  EXPECT_EQ(buffer.take_payload().size(), 31U);
  EXPECT_TRUE(buffer.push_text("6", kBytesMax));
}

TEST(PollingBuffer, GivesSixteenPacketsAtATime) {
  PollingBuffer buffer;
  const auto push = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      ASSERT_TRUE(i % 3 == 0 ? buffer.push_binary(std::to_string(i), kMax)
                             : buffer.push_text("4" + std::to_string(i), kMax));
    }
  };
  const auto take = [&] {
    const std::size_t before = buffer.size_bytes();
    const std::string payload = buffer.take_payload();
    EXPECT_EQ(buffer.size_bytes(), buffer.empty() ? 0 : before - payload.size() - 1);
    return std::ranges::count(payload, '\x1e') + 1;
  };
  push(0, 16);
  EXPECT_EQ(take(), 16);
  EXPECT_TRUE(buffer.empty());
  push(0, 17);
  EXPECT_EQ(take(), 16);
  EXPECT_FALSE(buffer.empty());
  push(17, 60);  // some of it in place of what has gone
  for (const int packets : {16, 16, 12}) EXPECT_EQ(take(), packets);
  EXPECT_TRUE(buffer.empty());
  // Emptied a part at a time it still keeps its bounds.
  std::size_t pushed = 0;
  for (int round = 0; round < 100; ++round) {
    while (buffer.push_text("6", 160)) ++pushed;
    EXPECT_EQ(take(), 16);
  }
  EXPECT_EQ(pushed, 26U + 99 * 16);
}

TEST(PollingBuffer, DrainsWhatIsLeftAfterAPayload) {
  PollingBuffer buffer;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(buffer.push_text("4" + std::to_string(i), kMax));
  EXPECT_TRUE(buffer.take_payload().ends_with("415"));
  std::string seen;
  buffer.drain([&](const SharedBytes& bytes, std::size_t, bool) { seen += bytes.view(); });
  EXPECT_EQ(seen, "416417418419");
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
