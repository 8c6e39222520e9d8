#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "base/ascii.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "base/mailbox.hpp"
#include "base/shared_bytes.hpp"

namespace maru {
namespace {

TEST(ObjectId, ParsesExactlyTwentyFourHexDigits) {
  const std::string hex = "65a1b2c3d4e5f60718293a4b";
  const auto id = UserId::parse(hex);
  ASSERT_TRUE(id);
  EXPECT_EQ(id->hex(), hex);
  EXPECT_EQ(UserId::parse("65A1B2C3D4E5F60718293A4B")->hex(), hex);
  for (const char* bad : {"", "abc", "65a1b2c3d4e5f60718293a4", "65a1b2c3d4e5f60718293a4b0",
                          "65a1b2c3d4e5f60718293a4g", "{\"$ne\":null}............"}) {
    EXPECT_FALSE(UserId::parse(bad)) << bad;
  }
}

TEST(ParseDecimal, TakesAWholeTextThatFits) {
  EXPECT_EQ(parse_decimal<unsigned>("0"), 0U);
  EXPECT_EQ(parse_decimal<std::int64_t>("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(parse_decimal<std::uint8_t>("255"), 255);
  for (const char* bad : {"", "-", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "256", "-1"}) {
    EXPECT_FALSE(parse_decimal<std::uint8_t>(bad)) << bad;
  }
}

TEST(WallTime, PrintsMillisecondsInUtc) {
  EXPECT_EQ(to_rfc3339(WallTime{0}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(WallTime{1'700'000'000'123}), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(to_rfc3339(WallTime{-1}), "1969-12-31T23:59:59.999Z");
}

TEST(SharedBytes, KeepsTheBytesUntilTheLastHolderIsGone) {
  SharedBytes first = SharedBytes::copy("hello");
  SharedBytes second = first;
  first = SharedBytes();
  EXPECT_TRUE(first.empty());
  EXPECT_EQ(second.view(), "hello");
  SharedBytes third = std::move(second);
  EXPECT_EQ(third.view(), "hello");
  EXPECT_TRUE(SharedBytes::copy("").empty());
}

TEST(Mailbox, RefusesPastItsCapacityAndLeavesTheValue) {
  Mailbox<std::string> box(2);
  EXPECT_EQ(box.try_post("a"), PostResult::kPosted);
  EXPECT_EQ(box.try_post("b"), PostResult::kPosted);
  std::string value = "c";
  EXPECT_EQ(box.try_post(std::move(value)), PostResult::kFull);
  EXPECT_EQ(value, "c");
  std::vector<std::string> out;
  box.drain(out);
  EXPECT_EQ(out, (std::vector<std::string>{"a", "b"}));
  box.close();
  EXPECT_EQ(box.try_post(std::move(value)), PostResult::kClosed);
}

TEST(Mailbox, WakesOncePerBatch) {
  int wakes = 0;
  Mailbox<int> box(10, [&] { ++wakes; });
  EXPECT_EQ(box.try_post(1), PostResult::kPosted);
  EXPECT_EQ(box.try_post(2), PostResult::kPosted);
  EXPECT_EQ(wakes, 1);
  std::vector<int> out;
  box.drain(out);
  EXPECT_EQ(box.try_post(3), PostResult::kPosted);
  EXPECT_EQ(wakes, 2);
}

TEST(Mailbox, KeepsOrderAndLosesNothingWhenProducersWait) {
  constexpr int kCount = 20'000;
  Mailbox<int> box(16);
  std::thread producer([&] {
    for (int i = 0; i < kCount; ++i) EXPECT_EQ(box.post_wait(int(i)), PostResult::kPosted);
    box.close();
  });
  std::vector<int> batch;
  int next = 0;
  while (box.wait_drain(batch, std::chrono::milliseconds(1000))) {
    EXPECT_LE(batch.size(), 16u);
    for (const int value : batch) EXPECT_EQ(value, next++);
  }
  producer.join();
  EXPECT_EQ(next, kCount);
}

TEST(ErrorCode, HasAWordForEachCode) {
  for (int i = 0; i < kErrorCodeCount; ++i) {
    EXPECT_FALSE(to_string(static_cast<ErrorCode>(i)).empty());
  }
  EXPECT_EQ(to_string(ErrorCode::kInternal), "internal");
}

}  // namespace
}  // namespace maru
