#include "gateway/limits/login_guard.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace maru::gateway {
namespace {

constexpr std::int64_t kQuarterMs = 15 * 60 * 1000;
constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

// Keeps the counters as the store would.
class FakeLog final : public chat::CommandLog {
 public:
  bool submit(chat::Command&& command) override {
    if (full) return false;
    if (const auto* noted = std::get_if<chat::NoteLoginFailures>(&command.body)) {
      ++notes;
      for (const auto& counter : noted->counters) {
        stored.erase(counter.key);
        if (counter.failures > 0) stored.emplace(counter.key, counter);
      }
    }
    if (const auto* expiry = std::get_if<chat::ExpireLoginFailures>(&command.body)) {
      expired_before = expiry->before;
      keep_max = expiry->keep_max;
    }
    command.reply(chat::Done{});
    return true;
  }
  [[nodiscard]] std::vector<chat::LoginFailures> all() const {
    std::vector<chat::LoginFailures> counters;
    for (const auto& [key, counter] : stored) counters.push_back(counter);
    return counters;
  }

  bool full = false;
  int notes = 0;
  std::map<chat::LoginKey, chat::LoginFailures> stored;
  WallTime expired_before;
  std::size_t keep_max = 0;
};

class LoginGuardTest : public ::testing::Test {
 protected:
  // Fails once; how long it would have had to wait if it was not let through.
  std::int64_t fail(LoginGuard& guard, const std::string& name, const std::string& peer) {
    const auto attempt = guard.begin(name, peer);
    if (attempt.delay_ms == 0) guard.failed(attempt, [] {});
    return attempt.delay_ms;
  }
  std::int64_t delay(LoginGuard& guard, const std::string& name, const std::string& peer) {
    const auto attempt = guard.begin(name, peer);
    if (attempt.delay_ms == 0) guard.not_tried(attempt);
    return attempt.delay_ms;
  }
  void log_in(LoginGuard& guard, const std::string& name, const std::string& peer) {
    const auto attempt = guard.begin(name, peer);
    ASSERT_EQ(attempt.delay_ms, 0);
    guard.succeeded(attempt);
  }
  // Fails `times` times, each as soon as it may.
  void fail_patiently(LoginGuard& guard, const std::string& name, const std::string& peer,
                      int times) {
    for (int i = 0; i < times; ++i) {
      clock_.advance_ms(delay(guard, name, peer));
      ASSERT_EQ(fail(guard, name, peer), 0);
    }
  }

  GatewayOptions options_;
  ManualClock clock_;
  FakeLog log_;
};

TEST_F(LoginGuardTest, DelayDoublesFromOneSecondToAQuarterOfAnHour) {
  LoginGuard guard(options_, clock_, log_);
  std::int64_t expected = 1'000;
  for (int i = 1; i <= 40; ++i) {
    ASSERT_EQ(fail(guard, "a", "192.0.2.1"), 0) << i;
    const std::int64_t waits = delay(guard, "a", "192.0.2.1");
    EXPECT_GE(waits, expected) << i;
    EXPECT_LE(waits, expected + 8) << i;
    clock_.advance_ms(waits);
    expected = std::min<std::int64_t>(expected * 2, kQuarterMs);
  }
  EXPECT_EQ(delay(guard, "b", "192.0.2.1"), 0);
}

TEST_F(LoginGuardTest, ASuccessOrADayForgives) {
  LoginGuard guard(options_, clock_, log_);
  fail_patiently(guard, "a", "192.0.2.1", 2);
  clock_.advance_ms(2'100);
  log_in(guard, "a", "192.0.2.1");
  EXPECT_THAT(log_.stored, ::testing::IsEmpty());
  EXPECT_EQ(fail(guard, "a", "192.0.2.1"), 0);
  EXPECT_LE(delay(guard, "a", "192.0.2.1"), 1'008);
  clock_.advance_ms(kDayMs + 2'000);
  EXPECT_EQ(fail(guard, "a", "192.0.2.1"), 0);
  EXPECT_LE(delay(guard, "a", "192.0.2.1"), 1'008);
}

TEST_F(LoginGuardTest, ADayOfPatienceGetsAHundredGuessesFromANetwork) {
  LoginGuard guard(options_, clock_, log_);
  int guesses = 0;
  for (std::int64_t end = clock_.monotonic().ms + kDayMs; clock_.monotonic().ms < end;) {
    const std::int64_t waits = fail(guard, "a", "192.0.2.1");
    if (waits == 0) ++guesses;
    clock_.advance_ms(waits);
  }
  EXPECT_LE(guesses, 107);
}

TEST_F(LoginGuardTest, OneNetworkLocksNobodyElseOut) {
  LoginGuard guard(options_, clock_, log_);
  fail_patiently(guard, "a", "192.0.2.1", 60);
  EXPECT_GT(delay(guard, "a", "192.0.2.1"), kQuarterMs - 1'000);
  EXPECT_EQ(delay(guard, "a", "192.0.2.2"), 0);
  // An IPv6 network is one client, whatever the rest of the address.
  fail_patiently(guard, "b", "2001:db8::1", 12);
  EXPECT_GT(delay(guard, "b", "2001:db8::ffff"), 0);
  EXPECT_EQ(delay(guard, "b", "2001:db8:0:1::1"), 0);
}

TEST_F(LoginGuardTest, ManyNetworksDelayTheAccountButNotWhereItHasLoggedIn) {
  LoginGuard guard(options_, clock_, log_);
  log_in(guard, "a", "198.51.100.1");
  const auto peer = [](int i) { return "203.0.113." + std::to_string(i); };
  for (int i = 0; i < 20; ++i) ASSERT_EQ(fail(guard, "a", peer(i)), 0) << i;
  EXPECT_EQ(delay(guard, "a", peer(20)), 0);
  ASSERT_EQ(fail(guard, "a", peer(20)), 0);
  EXPECT_GT(delay(guard, "a", peer(21)), 0);
  EXPECT_EQ(delay(guard, "b", peer(21)), 0);
  int guesses = 0;
  for (int i = 0; i < 500; ++i) {
    const std::int64_t waits = fail(guard, "a", "2001:db8:0:" + std::to_string(i) + "::1");
    if (waits == 0) ++guesses;
    if (waits > 0) clock_.advance_ms(waits);
  }
  EXPECT_GT(delay(guard, "a", "192.0.2.9"), kQuarterMs - 1'000);
  EXPECT_EQ(delay(guard, "a", "198.51.100.1"), 0);
  // Its own failures delay it as anybody's.
  fail_patiently(guard, "a", "198.51.100.1", 3);
  EXPECT_GT(delay(guard, "a", "198.51.100.1"), 3'000);
  clock_.advance_ms(4'100);
  log_in(guard, "a", "198.51.100.1");
  EXPECT_EQ(delay(guard, "a", "192.0.2.9"), 0);
  EXPECT_GT(guesses, 0);
}

TEST_F(LoginGuardTest, ANetworkIsKnownForAMonth) {
  LoginGuard guard(options_, clock_, log_);
  log_in(guard, "a", "198.51.100.1");
  log_in(guard, "a", "198.51.100.2");
  clock_.advance_ms(30 * kDayMs - 60'000);
  const auto attack = [&] {
    for (int i = 0; i < 22; ++i) fail(guard, "a", "203.0.113." + std::to_string(i));
  };
  attack();
  EXPECT_EQ(delay(guard, "a", "198.51.100.1"), 0);
  clock_.advance_ms(120'000);
  attack();
  EXPECT_GT(delay(guard, "a", "198.51.100.2"), 0);
  EXPECT_EQ(delay(guard, "a", "198.51.100.1"), 0);
}

TEST_F(LoginGuardTest, OfManyGuessesAtOnceFourAreLetThrough) {
  LoginGuard guard(options_, clock_, log_);
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        if (guard.begin("a", "192.0.2.1").delay_ms == 0) ++admitted;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admitted.load(), 4);
}

TEST_F(LoginGuardTest, AFewLoginsAtOnceAreNotDelayed) {
  LoginGuard guard(options_, clock_, log_);
  const auto one = guard.begin("a", "192.0.2.1");
  const auto two = guard.begin("a", "192.0.2.1");
  const auto three = guard.begin("a", "192.0.2.1");
  EXPECT_EQ(one.delay_ms + two.delay_ms + three.delay_ms, 0);
  guard.succeeded(one);
  guard.succeeded(three);
  guard.failed(two, [] {});
  EXPECT_LE(delay(guard, "a", "192.0.2.1"), 1'008);
  EXPECT_GT(delay(guard, "a", "192.0.2.1"), 0);
}

TEST_F(LoginGuardTest, AnAttemptThatWasNotTriedLeavesNothing) {
  LoginGuard guard(options_, clock_, log_);
  for (int i = 0; i < 100; ++i) {
    const auto attempt = guard.begin("a", "192.0.2.1");
    ASSERT_EQ(attempt.delay_ms, 0) << i;
    guard.not_tried(attempt);
  }
  EXPECT_EQ(log_.notes, 0);
  fail_patiently(guard, "a", "192.0.2.1", 5);
  clock_.advance_ms(16'100);
  for (int i = 0; i < 3; ++i) {
    const auto attempt = guard.begin("a", "192.0.2.1");
    ASSERT_EQ(attempt.delay_ms, 0) << i;
    EXPECT_GT(guard.begin("a", "192.0.2.1").delay_ms, 0) << "counted ahead";
    guard.not_tried(attempt);
  }
}

TEST_F(LoginGuardTest, FailuresSurviveARestart) {
  std::int64_t waits = 0;
  {
    LoginGuard guard(options_, clock_, log_);
    fail_patiently(guard, "a", "192.0.2.1", 9);
    for (int i = 0; i < 21; ++i) fail(guard, "b", "203.0.113." + std::to_string(i));
    waits = delay(guard, "a", "192.0.2.1");
    ASSERT_GT(waits, 200'000);
  }
  LoginGuard guard(options_, clock_, log_);
  EXPECT_EQ(delay(guard, "a", "192.0.2.1"), 0);
  guard.restore(log_.all());
  EXPECT_NEAR(static_cast<double>(delay(guard, "a", "192.0.2.1")), static_cast<double>(waits), 16);
  EXPECT_GT(delay(guard, "b", "192.0.2.99"), 0);
  clock_.advance_ms(waits + 16);
  ASSERT_EQ(fail(guard, "a", "192.0.2.1"), 0);
  EXPECT_GT(delay(guard, "a", "192.0.2.1"), 2 * waits - 1'000);
}

TEST_F(LoginGuardTest, WhatIsRestoredIsBoundedAgainstClockJumps) {
  LoginGuard guard(options_, clock_, log_);
  const std::int64_t wall = clock_.wall().ms;
  const auto stored_of = [&](const std::string& name) {
    FakeLog log;
    LoginGuard other(options_, clock_, log);
    EXPECT_EQ(fail(other, name, "192.0.2.1"), 0);
    return log.all();
  };
  std::vector<chat::LoginFailures> counters;
  const auto add = [&](const std::string& name, int failures, std::int64_t until) {
    for (auto counter : stored_of(name)) {
      counter.failures = failures;
      counter.until = {until};
      counters.push_back(counter);
    }
  };
  add("ahead", 5, wall + 365 * kDayMs);
  add("old", 5, wall - kDayMs - 1);
  add("odd", -3, wall + 1'000);
  add("huge", 1'000'000, wall - 1'000);
  guard.restore(counters);
  EXPECT_LE(delay(guard, "ahead", "192.0.2.1"), kQuarterMs + 8);
  EXPECT_GT(delay(guard, "ahead", "192.0.2.1"), 0);
  EXPECT_EQ(fail(guard, "old", "192.0.2.1"), 0);
  EXPECT_LE(delay(guard, "old", "192.0.2.1"), 1'008);
  EXPECT_EQ(delay(guard, "odd", "192.0.2.1"), 0);
  EXPECT_EQ(fail(guard, "huge", "192.0.2.1"), 0);
  EXPECT_GT(delay(guard, "huge", "192.0.2.1"), kQuarterMs - 1'000);
}

TEST_F(LoginGuardTest, AFullLogLosesNoCountInMemory) {
  LoginGuard guard(options_, clock_, log_);
  log_.full = true;
  bool answered = false;
  guard.failed(guard.begin("a", "192.0.2.1"), [&] { answered = true; });
  EXPECT_TRUE(answered);
  EXPECT_GT(delay(guard, "a", "192.0.2.1"), 0);
  guard.expire();
  log_.full = false;
  guard.expire();
  EXPECT_EQ(log_.expired_before.ms, clock_.wall().ms - kDayMs);
  EXPECT_EQ(log_.keep_max, LoginGuard::kCountersMax);
}

TEST_F(LoginGuardTest, IsOffWithTheRateLimits) {
  options_.rate_limits = false;
  LoginGuard guard(options_, clock_, log_);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(fail(guard, "a", "192.0.2.1"), 0);
  EXPECT_EQ(log_.notes, 0);
}

}  // namespace
}  // namespace maru::gateway
