#include "chat/query_lanes.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace maru::chat {
namespace {

QueryPool::Query nothing() {
  return [](Snapshot&) {};
}

TEST(QueryLanes, TakesUrgentQueriesFirst) {
  QueryLanes lanes(2, 10);
  ASSERT_TRUE(lanes.post(Lane::kBulk, nothing()));
  ASSERT_TRUE(lanes.post(Lane::kBulk, nothing()));
  ASSERT_TRUE(lanes.post(Lane::kUrgent, nothing()));
  EXPECT_EQ(lanes.take()->lane, Lane::kUrgent);
  EXPECT_EQ(lanes.take()->lane, Lane::kBulk);
}

// With one thread less than all of them at the most in the bulk lane, one always waits for urgent
// queries; a bulk query goes on when another ends.
TEST(QueryLanes, KeepsAThreadFreeOfBulkQueries) {
  QueryLanes lanes(2, 10);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(lanes.post(Lane::kBulk, nothing()));
  ASSERT_EQ(lanes.take()->lane, Lane::kBulk);
  ASSERT_TRUE(lanes.post(Lane::kUrgent, nothing()));
  EXPECT_EQ(lanes.take()->lane, Lane::kUrgent);
  EXPECT_EQ(lanes.depth(Lane::kBulk), 3u);
  std::thread second([&] {
    EXPECT_EQ(lanes.take()->lane, Lane::kBulk);  // sleeps until the first has ended
  });
  lanes.finish(Lane::kBulk);
  second.join();
  EXPECT_EQ(lanes.depth(Lane::kBulk), 2u);
}

TEST(QueryLanes, ASingleThreadTakesBoth) {
  QueryLanes lanes(1, 10);
  ASSERT_TRUE(lanes.post(Lane::kBulk, nothing()));
  EXPECT_EQ(lanes.take()->lane, Lane::kBulk);
}

TEST(QueryLanes, ALaneThatIsFullRefusesAndTheOtherDoesNot) {
  QueryLanes lanes(2, 1);
  ASSERT_TRUE(lanes.post(Lane::kBulk, nothing()));
  QueryPool::Query refused = nothing();
  EXPECT_FALSE(lanes.post(Lane::kBulk, std::move(refused)));
  EXPECT_TRUE(refused);
  EXPECT_TRUE(lanes.post(Lane::kUrgent, nothing()));
}

TEST(QueryLanes, ClosingALaneDropsWhatWaitsInIt) {
  QueryLanes lanes(2, 10);
  auto owned = std::make_shared<int>(0);
  ASSERT_TRUE(lanes.post(Lane::kBulk, [owned](Snapshot&) {}));
  ASSERT_TRUE(lanes.post(Lane::kUrgent, [owned](Snapshot&) {}));
  lanes.close(Lane::kBulk);
  EXPECT_EQ(owned.use_count(), 2);
  EXPECT_FALSE(lanes.post(Lane::kBulk, nothing()));
  EXPECT_TRUE(lanes.take());
  lanes.close(Lane::kUrgent);
  EXPECT_FALSE(lanes.take());
}

}  // namespace
}  // namespace maru::chat
