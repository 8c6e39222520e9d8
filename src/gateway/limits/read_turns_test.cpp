#include "gateway/limits/read_turns.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace maru::gateway {
namespace {

using Entering = ReadTurns::Entering;
using Turn = ReadTurns::Turn;

TEST(ReadTurns, GivesEachReaderOneTurnAtATimeInOrder) {
  ReadTurns turns;
  std::vector<int> began;
  Turn now;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(turns.enter(1, 16,
                          [&, i](Turn turn) {
                            began.push_back(i);
                            now = std::move(turn);
                          }),
              Entering::kEntered);
  }
  EXPECT_EQ(began, (std::vector{0}));
  EXPECT_EQ(turns.waiting(), 2u);
  // Another reader waits for none of them.
  bool other = false;
  ASSERT_EQ(turns.enter(2, 16, [&](Turn) { other = true; }), Entering::kEntered);
  EXPECT_TRUE(other);
  for (const std::size_t count : {2u, 3u}) {
    Turn ended = std::move(now);
    ended.end();
    EXPECT_EQ(began.size(), count);
  }
  now.end();
  EXPECT_EQ(began, (std::vector{0, 1, 2}));
  EXPECT_EQ(turns.waiting(), 0u);
}

TEST(ReadTurns, RefusesPastWhatMayWait) {
  ReadTurns turns;
  Turn now;
  ASSERT_EQ(turns.enter(1, 1, [&](Turn turn) { now = std::move(turn); }), Entering::kEntered);
  ASSERT_EQ(turns.enter(1, 1, [](Turn) {}), Entering::kEntered);
  ReadTurns::Go refused = [](Turn) {};
  EXPECT_EQ(turns.enter(1, 1, std::move(refused)), Entering::kFull);
  EXPECT_TRUE(refused);
}

// A turn that ends as soon as it began, again and again: no stack is deep enough for one within
// another.
TEST(ReadTurns, AHundredThousandTurnsThatEndAtOnce) {
  ReadTurns turns;
  Turn now;
  int begun = 0;
  ASSERT_EQ(turns.enter(1, 0, [&](Turn turn) { now = std::move(turn); }), Entering::kEntered);
  constexpr int kMany = 100'000;
  for (int i = 0; i < kMany; ++i) {
    ASSERT_EQ(turns.enter(1, kMany, [&](Turn) { ++begun; }), Entering::kEntered);
  }
  now.end();
  EXPECT_EQ(begun, kMany);
}

TEST(ReadTurns, ClosingDropsWhoWaits) {
  ReadTurns turns;
  auto owned = std::make_shared<int>(0);
  Turn now;
  ASSERT_EQ(turns.enter(1, 16, [&](Turn turn) { now = std::move(turn); }), Entering::kEntered);
  ASSERT_EQ(turns.enter(1, 16, [owned](Turn) {}), Entering::kEntered);
  turns.close();
  EXPECT_EQ(owned.use_count(), 1);
  EXPECT_EQ(turns.enter(2, 16, [](Turn) {}), Entering::kClosed);
  now.end();  // the turn that was under way ends as it would have
}

}  // namespace
}  // namespace maru::gateway
