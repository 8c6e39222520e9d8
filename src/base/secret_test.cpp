#include "base/secret.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <type_traits>

namespace maru {
namespace {

TEST(Secret, MovesAndLeavesNothing) {
  static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
  Secret one("short");
  Secret two(std::move(one));
  EXPECT_TRUE(one.empty());  // NOLINT(bugprone-use-after-move): that it is empty is the contract
  EXPECT_EQ(one.view(), "");
  EXPECT_EQ(two.view(), "short");
  Secret three("other");
  three = std::move(two);
  EXPECT_EQ(three.view(), "short");
  EXPECT_TRUE(two.empty());  // NOLINT(bugprone-use-after-move)
  three.clear();
  EXPECT_TRUE(three.empty());
  EXPECT_NE(Secret().view().data(), nullptr);
}

TEST(Secret, TakesATextAndWipesWhereItWas) {
  for (const std::size_t size : {3u, 200u}) {
    std::string text(size, 'p');
    const char* const bytes = text.data();
    const std::size_t capacity = text.capacity();
    const Secret secret = Secret::take(std::move(text));
    EXPECT_EQ(secret.view(), std::string(size, 'p'));
    // The string still owns its memory.
    EXPECT_EQ(text.data(), bytes);  // NOLINT(bugprone-use-after-move)
    EXPECT_TRUE(std::all_of(bytes, bytes + capacity, [](char c) { return c == 0; }));
  }
}

TEST(Secret, WipesWhatWasCutOff) {
  std::string text(100, 'p');
  text.resize(4);
  const char* const bytes = text.data();
  wipe(text);
  EXPECT_TRUE(text.empty());
  EXPECT_TRUE(std::all_of(bytes, bytes + 100, [](char c) { return c == 0; }));
}

}  // namespace
}  // namespace maru
