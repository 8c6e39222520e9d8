#include "gateway/origin_policy.hpp"

#include <gtest/gtest.h>

#include "gateway/testing/request_head.hpp"

namespace maru::gateway {
namespace {

using testing::make_head;
using Fields = std::vector<std::pair<std::string, std::string>>;

net::RequestHead from_origin(const std::string& origin, bool secure = false,
                             const std::string& host = "chat.example:5001") {
  net::RequestHead head = make_head(net::Method::kGet, "/", {{"host", host}, {"origin", origin}});
  head.secure = secure;
  return head;
}

struct OriginCase {
  const char* origin;
  bool allowed;
};

class OriginMatrix : public ::testing::TestWithParam<OriginCase> {};

TEST_P(OriginMatrix, OnlyTheListedAndTheOwnAreAllowed) {
  GatewayOptions options;
  options.allowed_origins = {"https://app.example", "http://localhost:3000"};
  const OriginPolicy policy(options);
  EXPECT_EQ(policy.allows(from_origin(GetParam().origin)), GetParam().allowed) << GetParam().origin;
  if (!GetParam().allowed) {
    EXPECT_EQ(policy.cors_fields(from_origin(GetParam().origin)), (Fields{{"Vary", "Origin"}}));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Accounts, OriginMatrix,
    ::testing::Values(
        OriginCase{"https://app.example", true}, OriginCase{"http://localhost:3000", true},
        OriginCase{"http://chat.example:5001", true},  // own
        OriginCase{"https://chat.example:5001", false}, OriginCase{"http://chat.example", false},
        OriginCase{"http://chat.example:5002", false}, OriginCase{"https://evil.example", false},
        OriginCase{"null", false}, OriginCase{"https://app.example.evil.example", false},
        OriginCase{"https://app.example:443", false}, OriginCase{"https://app.example:8443", false},
        OriginCase{"https://app.example/", false}, OriginCase{"https://APP.example", false},
        OriginCase{"HTTPS://app.example", false}, OriginCase{"http://app.example", false},
        OriginCase{"https://app.exampl", false}, OriginCase{"xhttps://app.example", false},
        OriginCase{"https://evil.example https://app.example", false},
        OriginCase{"https://user@app.example", false}, OriginCase{"*", false},
        OriginCase{"file://", false}));

TEST(OriginPolicy, AbsentIsFine) {
  const GatewayOptions options;
  const OriginPolicy policy(options);
  const auto head = make_head(net::Method::kPost, "/", {{"host", "chat.example"}});
  EXPECT_TRUE(policy.allows(head));
  EXPECT_TRUE(policy.cors_fields(head).empty());
}

TEST(OriginPolicy, OwnOriginNeedsNoDefaultPort) {
  const GatewayOptions options;
  const OriginPolicy policy(options);
  EXPECT_TRUE(policy.allows(from_origin("https://chat.example", true, "chat.example:443")));
  EXPECT_TRUE(policy.allows(from_origin("https://chat.example", true, "chat.example")));
  EXPECT_FALSE(policy.allows(from_origin("http://chat.example", true, "chat.example")));
  EXPECT_TRUE(policy.allows(from_origin("http://[::1]:5001", false, "[::1]:5001")));
}

TEST(OriginPolicy, ListedOriginsGetCredentials) {
  GatewayOptions options;
  options.allowed_origins = {"https://app.example"};
  const OriginPolicy policy(options);
  EXPECT_EQ(policy.cors_fields(from_origin("https://app.example")),
            (Fields{{"Vary", "Origin"},
                    {"Access-Control-Allow-Origin", "https://app.example"},
                    {"Access-Control-Allow-Credentials", "true"}}));
}

TEST(OriginPolicy, TwoOriginFieldsAreRefused) {
  GatewayOptions options;
  options.allowed_origins = {"https://app.example"};
  const OriginPolicy policy(options);
  auto head = from_origin("https://app.example");
  head.fields.emplace_back("origin", "https://evil.example");
  EXPECT_FALSE(policy.allows(head));
}

TEST(OriginPolicy, OpenModeAllowsEveryOriginWithoutCredentialsUnlessAListIsSet) {
  GatewayOptions options;
  options.auth = AuthMode::kOpen;
  {
    const OriginPolicy policy(options);
    EXPECT_TRUE(policy.allows(from_origin("https://evil.example")));
    EXPECT_TRUE(policy.allows(from_origin("null")));
    EXPECT_EQ(policy.cors_fields(from_origin("https://evil.example")),
              (Fields{{"Access-Control-Allow-Origin", "*"}}));
  }
  options.allowed_origins = {"http://localhost:3000"};
  const OriginPolicy policy(options);
  EXPECT_FALSE(policy.allows(from_origin("https://evil.example")));
  EXPECT_TRUE(policy.allows(from_origin("http://localhost:3000")));
}

TEST(OriginPolicy, LogsEachRefusedOriginOnceWithTheWordsToSet) {
  const GatewayOptions options;
  const OriginPolicy policy(options);
  ::testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(policy.allows(from_origin("https://a.example")));
  for (int i = 0; i < 200; ++i) {
    EXPECT_FALSE(policy.allows(from_origin("https://b" + std::to_string(i) + ".example")));
  }
  const std::string log = ::testing::internal::GetCapturedStderr();
  const auto lines = std::ranges::count(log, '\n');
  EXPECT_EQ(lines, 64);
  EXPECT_NE(log.find("CLIENT_URL=https://a.example"), std::string::npos) << log;
}

}  // namespace
}  // namespace maru::gateway
