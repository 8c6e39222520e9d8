#include "gateway/limits/rate_limiter.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace maru::gateway {
namespace {

class RateLimiterTest : public ::testing::Test {
 protected:
  GatewayOptions options_;
  ManualClock clock_;
};

TEST_F(RateLimiterTest, GivesTheBurstAndThenOneEachInterval) {
  RateLimiter limiter(options_, clock_);  // 10 a second, burst 20
  for (int i = 0; i < 20; ++i) EXPECT_EQ(limiter.take(Rate::kMessagesOfUser, 7, 0), 0) << i;
  EXPECT_EQ(limiter.take(Rate::kMessagesOfUser, 7, 0), -1);
  EXPECT_EQ(limiter.retry_after_ms(Rate::kMessagesOfUser, 7), 100);
  clock_.advance_ms(99);
  EXPECT_EQ(limiter.take(Rate::kMessagesOfUser, 7, 0), -1);
  clock_.advance_ms(1);
  EXPECT_EQ(limiter.take(Rate::kMessagesOfUser, 7, 0), 0);
  EXPECT_EQ(limiter.take(Rate::kMessagesOfUser, 7, 0), -1);
}

TEST_F(RateLimiterTest, OverALongTimeGivesExactlyTheRate) {
  RateLimiter limiter(options_, clock_);
  int taken = 0;
  for (int ms = 0; ms < 100'000; ++ms, clock_.advance_ms(1)) {
    if (limiter.take(Rate::kMessagesOfUser, 1, 0) == 0) ++taken;
  }
  EXPECT_EQ(taken, 19 + 1000);
}

TEST_F(RateLimiterTest, TakesFromAllBucketsOrFromNone) {
  options_.messages_per_room_burst = 1;
  RateLimiter limiter(options_, clock_);  // a user: 20 at once; a room: 1
  const Toll user{Rate::kMessagesOfUser, 7};
  const Toll room{Rate::kMessagesOfRoom, 8};
  const Toll both[] = {user, room};
  EXPECT_EQ(limiter.take_all(both, 0).refused, nullptr);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(limiter.take_all(both, 0).refused, &both[1]);
  for (int i = 0; i < 19; ++i) EXPECT_EQ(limiter.take(user.rate, user.key, 0), 0) << i;
  EXPECT_EQ(limiter.take(user.rate, user.key, 0), -1);
  EXPECT_EQ(limiter.take_all(both, 0).refused, &both[0]);
  EXPECT_EQ(limiter.take_all(both, 1'000).wait_ms, 100);  // of the user, the later one
  EXPECT_EQ(limiter.take_all({}, 0).wait_ms, 0);
}

TEST_F(RateLimiterTest, WaitsUpToTheCallersLimit) {
  RateLimiter limiter(options_, clock_);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(limiter.take(Rate::kMessagesOfUser, 7, 5'000), 0);
  for (int i = 1; i <= 50; ++i) {
    ASSERT_EQ(limiter.take(Rate::kMessagesOfUser, 7, 5'000), 100 * i);
  }
  EXPECT_EQ(limiter.take(Rate::kMessagesOfUser, 7, 5'000), -1);
  EXPECT_EQ(limiter.take(Rate::kMessagesOfUser, 7, 5'000), -1);  // a refusal takes nothing
  clock_.advance_ms(100);
  EXPECT_EQ(limiter.take(Rate::kMessagesOfUser, 7, 5'000), 5'000);
}

TEST_F(RateLimiterTest, KeepsKeysAndRatesApart) {
  RateLimiter limiter(options_, clock_);
  for (int i = 0; i < 10; ++i) ASSERT_EQ(limiter.take(Rate::kLoginsOfIp, 1, 0), 0);
  EXPECT_EQ(limiter.take(Rate::kLoginsOfIp, 1, 0), -1);
  EXPECT_EQ(limiter.retry_after_ms(Rate::kLoginsOfIp, 1), 6'000);
  EXPECT_EQ(limiter.take(Rate::kLoginsOfIp, 2, 0), 0);
  EXPECT_EQ(limiter.take(Rate::kRegistersOfIp, 1, 0), 0);
  EXPECT_EQ(limiter.retry_after_ms(Rate::kRegistersOfIp, 3), 0);
}

TEST_F(RateLimiterTest, IsOffWhenToldSo) {
  options_.rate_limits = false;
  RateLimiter limiter(options_, clock_);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(limiter.take(Rate::kLoginsOfIp, 1, 0), 0);
}

TEST_F(RateLimiterTest, ForgetsTheOldestBucketsAndKeepsTheNewest) {
  RateLimiter limiter(options_, clock_);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(limiter.take(Rate::kMessagesOfUser, 0, 0), 0);
  ASSERT_EQ(limiter.take(Rate::kMessagesOfUser, 0, 0), -1);
  // Four times as many keys as slots: the first bucket is overwritten by younger ones.
  for (std::uint64_t key = 1; key <= 600'000; ++key) {
    if (key % 1000 == 0) clock_.advance_ms(10);
    ASSERT_GE(limiter.take(Rate::kMessagesOfUser, key, 0), 0);
  }
  EXPECT_EQ(limiter.take(Rate::kMessagesOfUser, 0, 0), 0);
  for (int i = 0; i < 19; ++i) ASSERT_EQ(limiter.take(Rate::kMessagesOfUser, 600'000, 0), 0);
  EXPECT_EQ(limiter.take(Rate::kMessagesOfUser, 600'000, 0), -1);
}

TEST_F(RateLimiterTest, ThreadsTogetherGetExactlyTheBurst) {
  options_.messages_per_room = 0.001;
  options_.messages_per_room_burst = 1'000;
  RateLimiter limiter(options_, clock_);
  ASSERT_EQ(limiter.take(Rate::kMessagesOfRoom, 5, 0), 0);
  std::atomic<int> taken{1};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2'000; ++i) {
        if (limiter.take(Rate::kMessagesOfRoom, 5, 0) == 0) ++taken;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken.load(), 1'000);
}

TEST_F(RateLimiterTest, KeysOfTextsAreStableInAProcess) {
  EXPECT_EQ(RateLimiter::key_of("192.0.2.1"), RateLimiter::key_of("192.0.2.1"));
  EXPECT_NE(RateLimiter::key_of("192.0.2.1"), RateLimiter::key_of("192.0.2.2"));
  EXPECT_NO_FATAL_FAILURE(RateLimiter::key_of(""));
}

TEST_F(RateLimiterTest, AnIpv6NetworkIsOneClient) {
  const auto key = [](const char* peer) { return RateLimiter::key_of_network(peer); };
  EXPECT_EQ(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff:ffff:ffff:ffff"));
  EXPECT_NE(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
  EXPECT_EQ(key("192.0.2.1"), key("::ffff:192.0.2.1"));
  EXPECT_NE(key("192.0.2.1"), key("192.0.2.2"));
  EXPECT_NE(key("unix"), key(""));
}

// Ten a minute from a /64, four times that from all of a /56, sixteen times from all of a /48.
TEST_F(RateLimiterTest, CountsWiderNetworksToo) {
  const auto admitted = [&](auto&& address_of) {
    RateLimiter limiter(options_, clock_);
    int count = 0;
    for (int i = 0; i < 1000; ++i) {
      const NetworkTolls tolls = tolls_of_network(Rate::kLoginsOfIp, address_of(i));
      if (limiter.take_all(tolls.span(), 0).refused == nullptr) ++count;
    }
    return count;
  };
  const auto hex = [](int number) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    return std::string{kDigits[static_cast<std::size_t>(number >> 4 & 15)],
                       kDigits[static_cast<std::size_t>(number & 15)]};
  };
  EXPECT_EQ(admitted([&](int i) { return "2001:db8:1:1::" + hex(i); }), 10);
  EXPECT_EQ(admitted([&](int i) { return "2001:db8:1:1" + hex(i) + "::1"; }), 40);
  EXPECT_EQ(admitted([&](int i) { return "2001:db8:1:" + hex(i) + "00::1"; }), 160);
  EXPECT_EQ(admitted([&](int i) { return "2001:db8:" + hex(i) + ":1::1"; }), 1000);
  EXPECT_EQ(admitted([&](int) { return std::string("192.0.2.1"); }), 10);
  EXPECT_EQ(admitted([&](int) { return std::string("::ffff:192.0.2.1"); }), 10);
  EXPECT_EQ(admitted([&](int i) { return "192.0.2." + std::to_string(i % 250); }), 1000);
  EXPECT_EQ(admitted([&](int) { return std::string("no address"); }), 10);
}

}  // namespace
}  // namespace maru::gateway
