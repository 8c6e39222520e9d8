#include "app/metrics_token.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "gateway/identity/auth.hpp"

namespace maru::app {
namespace {

class MetricsToken : public ::testing::Test {
 protected:
  ~MetricsToken() override { std::filesystem::remove(path_); }

  Result<std::optional<TokenHash>> load(const std::string& text) {
    std::ofstream(path_) << text;
    return load_metrics_token(path_);
  }

  const std::string path_ = ::testing::TempDir() + "maru_metrics_token";
};

TEST_F(MetricsToken, IsTheTextOfItsFile) {
  const auto same = gateway::hash_secret("0123456789abcdef");
  for (const char* text : {"0123456789abcdef", "0123456789abcdef\n", " 0123456789abcdef\r\n\n"}) {
    const auto token = load(text);
    ASSERT_TRUE(token) << token.error().detail;
    EXPECT_EQ(*token, same);
  }
  EXPECT_TRUE(load(std::string(512, 'x')));
}

TEST_F(MetricsToken, IsRefusedWhenItIsNone) {
  const std::string bad[] = {"",
                             "\n",
                             "0123456789abcde",
                             std::string(513, 'x'),
                             "0123456789 abcdef",
                             "0123456789abcdef\nsecond line",
                             "\xea\xb9\x80 0123456789abcdef"};
  for (const std::string& text : bad) {
    const auto token = load(text);
    ASSERT_FALSE(token) << text;
    EXPECT_TRUE(token.error().detail.starts_with("--metrics-token-file: ")) << token.error().detail;
    EXPECT_EQ(token.error().detail.find("0123456789"), std::string::npos);
  }
}

TEST_F(MetricsToken, AFileThatIsNamedMustBeThere) {
  EXPECT_FALSE(load_metrics_token(path_));
  EXPECT_FALSE(load_metrics_token(::testing::TempDir()));
  const auto none = load_metrics_token("");
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
}

}  // namespace
}  // namespace maru::app
