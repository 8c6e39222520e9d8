#include "gateway/limits/user_connections.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>
#include <vector>

namespace maru::gateway {
namespace {

UserId user_id(std::uint64_t number) {
  UserId::Bytes bytes{};
  for (std::size_t i = 0; i < 8; ++i) bytes[11 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return UserId(bytes);
}

TEST(UserConnections, CountsEachUserUpToTheCap) {
  UserConnections connections(3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(connections.take(user_id(1)));
  EXPECT_FALSE(connections.take(user_id(1)));
  EXPECT_EQ(connections.count_of(user_id(1)), 3u);
  EXPECT_TRUE(connections.take(user_id(2)));
  connections.give_back(user_id(1));
  EXPECT_TRUE(connections.take(user_id(1)));
  EXPECT_FALSE(connections.take(user_id(1)));
}

TEST(UserConnections, NobodyAndNoCapAreNotCounted) {
  UserConnections one(1);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(one.take(UserId()));
  one.give_back(UserId());
  UserConnections none(0);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(none.take(user_id(1)));
  none.give_back(user_id(1));
  EXPECT_EQ(none.count_of(user_id(1)), 0u);
}

TEST(UserConnections, AgreesWithAPlainMapOverManyUsers) {
  UserConnections connections(5);
  std::map<std::uint64_t, std::size_t> counts;
  std::mt19937 random(3);
  for (int step = 0; step < 200'000; ++step) {
    // Grows for a while, shrinks for a while.
    const bool takes = random() % 100 < (step / 50'000 % 2 == 0 ? 70u : 30u);
    const std::uint64_t user = 1 + random() % 3'000;
    std::size_t& count = counts[user];
    if (takes) {
      ASSERT_EQ(connections.take(user_id(user)), count < 5);
      count = std::min<std::size_t>(count + 1, 5);
    } else if (count > 0) {
      connections.give_back(user_id(user));
      --count;
    }
  }
  for (const auto& [user, count] : counts) ASSERT_EQ(connections.count_of(user_id(user)), count);
}

TEST(UserConnections, ThreadsTogetherNeverPassTheCap) {
  UserConnections connections(100);
  std::atomic<int> taken{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        if (connections.take(user_id(7))) ++taken;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(taken, 100);
}

}  // namespace
}  // namespace maru::gateway
