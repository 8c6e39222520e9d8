#include "base/audit_tally.hpp"

#include <gtest/gtest.h>

#include <string>

namespace maru::log {
namespace {

AuditTally::Key of(const std::string& network) {
  return {"audit_rate_limited", "limit", "logins", "network", network};
}

TEST(AuditTally, WritesTheFirstFewAndCountsTheRestOncePerMinute) {
  AuditTally tally(10);
  EXPECT_TRUE(tally.take(of("a"), 2, {0}));
  EXPECT_TRUE(tally.take(of("a"), 2, {1}));
  for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(tally.take(of("a"), 2, {2}));
  EXPECT_TRUE(tally.take(of("b"), 2, {2})) << "another network has its own";
  EXPECT_TRUE(tally.collect({59'999}).empty());
  auto counted = tally.collect({60'001});
  ASSERT_EQ(counted.size(), 1U);
  EXPECT_EQ(counted[0].count, 1'000U);
  EXPECT_EQ(counted[0].key.who, "a");
  EXPECT_TRUE(tally.collect({60'001}).empty()) << "said once";
  // It goes on: no more in full, one record a minute.
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(tally.take(of("a"), 2, {70'000}));
  counted = tally.collect({120'001});
  ASSERT_EQ(counted.size(), 1U);
  EXPECT_EQ(counted[0].count, 5U);
  // A minute of calm, and it is news again.
  EXPECT_TRUE(tally.collect({180'001}).empty());
  EXPECT_TRUE(tally.take(of("a"), 2, {180'002}));
}

TEST(AuditTally, WhatWasCountedIsNotLostWhenNobodyCollectsInTime) {
  AuditTally tally(10);
  EXPECT_TRUE(tally.take(of("a"), 1, {0}));
  EXPECT_FALSE(tally.take(of("a"), 1, {1}));
  EXPECT_FALSE(tally.take(of("a"), 1, {200'000}));
  ASSERT_EQ(tally.collect_all().size(), 1U);
}

TEST(AuditTally, IsBoundedAndCountsTheRestTogether) {
  AuditTally tally(4);
  int in_full = 0;
  for (int i = 0; i < 1'000; ++i) in_full += tally.take(of(std::to_string(i)), 1, {i}) ? 1 : 0;
  EXPECT_EQ(in_full, 5);
  const auto counted = tally.collect_all();
  ASSERT_EQ(counted.size(), 1U);
  EXPECT_EQ(counted[0].key.who, "others");
  EXPECT_EQ(counted[0].count, 995U);
}

}  // namespace
}  // namespace maru::log
