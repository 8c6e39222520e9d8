#include "gateway/limits/known_networks.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/private_file.hpp"

namespace maru::gateway {
namespace {

UserId user(unsigned number) {
  UserId::Bytes bytes{1};
  bytes[10] = static_cast<std::uint8_t>(number >> 8);
  bytes[11] = static_cast<std::uint8_t>(number);
  return UserId(bytes);
}

std::string address(int number) {
  return "192.0.2." + std::to_string(number);
}

class KnownNetworksTest : public ::testing::Test {
 protected:
  ManualClock clock;
  KnownNetworks known{clock};
};

TEST_F(KnownNetworksTest, IsOfAnAccountAndANetwork) {
  known.remember(user(1), address(1));
  EXPECT_TRUE(known.contains(user(1), address(1)));
  EXPECT_FALSE(known.contains(user(1), address(2)));
  EXPECT_FALSE(known.contains(user(2), address(1)));
  known.remember(user(1), "2001:db8:1:2::1");
  EXPECT_TRUE(known.contains(user(1), "2001:db8:1:2:ffff::9"));
  EXPECT_FALSE(known.contains(user(1), "2001:db8:1:3::1"));
}

TEST_F(KnownNetworksTest, NobodyIsKnownToAnUnknownAccount) {
  known.remember(UserId{}, address(1));
  EXPECT_FALSE(known.contains(UserId{}, address(1)));
}

TEST_F(KnownNetworksTest, ForgetsAfterThirtyDaysWithoutALogin) {
  known.remember(user(1), address(1));
  known.remember(user(1), address(2));
  clock.advance_ms(KnownNetworks::kMemoryMs);
  EXPECT_TRUE(known.contains(user(1), address(1)));
  known.remember(user(1), address(1));
  clock.advance_ms(2 * 3600 * 1000);
  EXPECT_TRUE(known.contains(user(1), address(1)));
  EXPECT_FALSE(known.contains(user(1), address(2)));
}

TEST_F(KnownNetworksTest, KeepsTheEightNetworksOfAnAccountThatWereUsedLast) {
  for (int i = 0; i <= 8; ++i) {
    known.remember(user(1), address(i));
    clock.advance_ms(3600 * 1000);
  }
  EXPECT_FALSE(known.contains(user(1), address(0)));
  for (int i = 1; i <= 8; ++i) EXPECT_TRUE(known.contains(user(1), address(i))) << i;
}

// An account of one's own is no way to make others unknown.
TEST_F(KnownNetworksTest, AnAccountWithManyNetworksPushesOutFewOthers) {
  for (unsigned i = 2; i < 202; ++i) known.remember(user(i), address(1));
  clock.advance_ms(3600 * 1000);
  for (int i = 0; i < 20'000; ++i) {
    known.remember(user(1),
                   "2001:db8:" + std::to_string(i % 9999) + ":" + std::to_string(i / 9999) + "::");
  }
  int kept = 0;
  for (unsigned i = 2; i < 202; ++i) kept += known.contains(user(i), address(1)) ? 1 : 0;
  EXPECT_GE(kept, 195);
}

TEST_F(KnownNetworksTest, SurvivesARestartAsItsFile) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "known_networks_test.bin";
  std::filesystem::remove(path);
  known.load(path);
  known.save_if_changed(path);
  EXPECT_FALSE(std::filesystem::exists(path)) << "nothing has changed";
  for (unsigned i = 1; i <= 100; ++i) known.remember(user(i), address(static_cast<int>(i)));
  known.save_if_changed(path);
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  KnownNetworks later(clock);
  later.load(path);
  for (unsigned i = 1; i <= 100; ++i) {
    EXPECT_TRUE(later.contains(user(i), address(static_cast<int>(i))));
    EXPECT_FALSE(later.contains(user(i), address(101)));
  }
  const auto bytes = read_private_file(path, 1 << 20);
  ASSERT_TRUE(bytes && *bytes);
  EXPECT_EQ((*bytes)->find("192.0.2."), std::string::npos);
  EXPECT_EQ((*bytes)->find(user(1).hex()), std::string::npos);
  std::filesystem::remove(path);
}

TEST_F(KnownNetworksTest, TakesNoFileThatIsNotItsOwn) {
  known.remember(user(1), address(1));
  const std::string good = known.to_bytes();
  KnownNetworks other(clock);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(other.from_bytes(good.substr(0, size))) << size;
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    EXPECT_FALSE(other.from_bytes(bad)) << at;
  }
  EXPECT_FALSE(other.from_bytes(good + "x"));
  EXPECT_TRUE(other.from_bytes(good));
  EXPECT_TRUE(other.contains(user(1), address(1)));
}

}  // namespace
}  // namespace maru::gateway
