#include "base/budget.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <utility>
#include <vector>

#include "base/budgets.hpp"

namespace maru {
namespace {

using Lease = SharedBudget::Lease;

TEST(Budget, IsFullAtItsMarkAndNotBefore) {
  Budget budget(10);
  EXPECT_TRUE(budget.try_take(9));
  EXPECT_FALSE(budget.try_take(2));
  EXPECT_TRUE(budget.try_take(1));
  EXPECT_FALSE(budget.try_take(1));
  budget.give_back(10);
  EXPECT_TRUE(budget.try_take(10));
}

TEST(Budget, LetsNothingInWhilePastItsMark) {
  Budget budget(10);
  budget.take(25);
  EXPECT_FALSE(budget.try_take(0));
  budget.give_back(15);
  EXPECT_TRUE(budget.try_take(0));
}

TEST(SharedBudget, GivesBackWhatALeaseHeld) {
  SharedBudget budget(100, 100);
  {
    Lease lease = budget.try_take(7, 30);
    ASSERT_TRUE(lease);
    lease.resize(10);
    EXPECT_EQ(budget.used_by(7), 10U);
    lease.resize(120);  // it is there: past the marks
    EXPECT_EQ(budget.total().used(), 120U);
    Lease moved = std::move(lease);
    EXPECT_FALSE(lease);  // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(budget.used_by(7), 120U);
    EXPECT_FALSE(budget.try_take(8, 1));
  }
  EXPECT_EQ(budget.total().used(), 0U);
  EXPECT_EQ(budget.used_by(7), 0U);
}

TEST(SharedBudget, HoldsEachHolderToItsOwnMark) {
  SharedBudget budget(1000, 20);
  const Lease first = budget.try_take(7, 20);
  ASSERT_TRUE(first);
  EXPECT_FALSE(budget.try_take(7, 1));
  EXPECT_TRUE(budget.try_take(8, 20));
  const Lease many = budget.try_take(SharedBudget::kManyHolders, 900);
  EXPECT_TRUE(many);
  EXPECT_EQ(budget.total().used(), 920U);
}

TEST(SharedBudget, KeepsRoomForWhoHoldsNothing) {
  SharedBudget budget(1000, 1000);
  std::vector<Lease> leases;
  // Ten greedy holders take turns until all are refused.
  for (bool any = true; any;) {
    any = false;
    for (SharedBudget::Holder holder = 1; holder <= 10; ++holder) {
      Lease lease = budget.try_take(holder, 5);
      if (!lease) continue;
      leases.push_back(std::move(lease));
      any = true;
    }
  }
  EXPECT_GE(budget.total().used(), 850U);
  EXPECT_TRUE(budget.try_take(11, 80));
}

TEST(SharedBudget, NeverPassesItsMarkFromManyThreads) {
  SharedBudget budget(64, 64);
  std::atomic<std::size_t> most{0};
  std::vector<std::thread> threads;
  for (SharedBudget::Holder holder = 0; holder < 4; ++holder) {
    threads.emplace_back([&budget, &most, holder] {
      for (int i = 0; i < 5'000; ++i) {
        const Lease lease = budget.try_take(holder, 20);
        if (!lease) continue;
        std::size_t used = budget.total().used();
        std::size_t seen = most.load();
        while (used > seen && !most.compare_exchange_weak(seen, used)) {
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most.load(), 64U);
  EXPECT_EQ(budget.total().used(), 0U);
}

TEST(Budgets, HaveTheDefaultsOfTheContract) {
  const Budgets budgets;
  EXPECT_EQ(budgets.answer_bytes.total().max(), 128U * 1024 * 1024);
  EXPECT_EQ(budgets.answer_bytes.per_holder_max(), 16U * 1024 * 1024);
}

}  // namespace
}  // namespace maru
