#include "base/memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "base/testing/failing_allocations.hpp"
#include "base/zeroed_array.hpp"

namespace maru::memory {
namespace {

using maru::testing::FailingAllocation;

// Once for the program, as main() does.
class Memory : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { prepare(); }
  void SetUp() override { recover(); }

  static void use_reserve() {
    const FailingAllocation failing(1);
    EXPECT_FALSE(survive([] { std::string(100, 'x').swap(text); }));
  }
  static inline std::string text;
};

TEST_F(Memory, TheFirstWantUsesTheReserveAndAsksToShed) {
  ASSERT_FALSE(is_short());
  const auto rounds = shed_round();
  const auto before = shortages();
  use_reserve();
  EXPECT_TRUE(is_short());
  EXPECT_EQ(shortages(), before + 1);
  EXPECT_GT(shed_round(), rounds);
  recover();
  EXPECT_FALSE(is_short());
}

TEST_F(Memory, WhatFailsAllTheSameEndsAtItsEdgeAndIsCounted) {
  const auto before = failures();
  use_reserve();
  use_reserve();
  EXPECT_EQ(failures(), before + 2);
  EXPECT_TRUE(survive([] { text.assign(200, 'y'); }));
  EXPECT_EQ(failures(), before + 2);
}

TEST_F(Memory, OnlyWantOfMemoryEndsAtAnEdge) {
  EXPECT_THROW(static_cast<void>(survive([] { throw std::logic_error("other"); })),
               std::logic_error);
}

TEST_F(Memory, WhoIsPatientWaitsForIt) {
  const Patience patience;
  const FailingAllocation failing(1);
  text.clear();
  text.shrink_to_fit();
  EXPECT_TRUE(survive([] { text.assign(300, 'z'); }));
  EXPECT_TRUE(FailingAllocation::happened());
  EXPECT_EQ(text.size(), 300u);
}

TEST_F(Memory, PatienceIsOfOneThread) {
  const Patience patience;
  bool done = true;
  std::thread([&done] {
    const FailingAllocation failing(1);
    done = survive([] { const std::string much(400, 'x'); });
  }).join();
  EXPECT_FALSE(done);
}

TEST(ZeroedArrayTest, TakesMemoryOnlyWhereItIsTouched) {
  constexpr std::size_t kPages = 64;
  ZeroedArray<std::uint64_t> array(kPages * kPageBytes / sizeof(std::uint64_t));
  const auto resident = [&] {
    std::vector<unsigned char> pages(kPages);
    EXPECT_EQ(::mincore(array.begin(), kPages * kPageBytes, pages.data()), 0);
    return std::ranges::count_if(pages, [](unsigned char page) { return (page & 1) != 0; });
  };
  EXPECT_EQ(resident(), 0);
  array[array.size() - 1] = 7;
  EXPECT_EQ(resident(), 1);
  EXPECT_EQ(array[0], 0U);
  EXPECT_EQ(array[array.size() - 1], 7U);
}

TEST(ZeroedArrayTest, WhatCannotBeHadIsSaid) {
  EXPECT_THROW(ZeroedArray<std::uint64_t>(std::size_t{1} << 58), std::bad_alloc);
}

}  // namespace
}  // namespace maru::memory
