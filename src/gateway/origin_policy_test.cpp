#include "gateway/origin_policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>

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
  const SystemClock clock;
  GatewayOptions options;
  options.allowed_origins = {"https://app.example", "http://localhost:3000"};
  const OriginPolicy policy(options, clock);
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
  const SystemClock clock;
  const GatewayOptions options;
  const OriginPolicy policy(options, clock);
  const auto head = make_head(net::Method::kPost, "/", {{"host", "chat.example"}});
  EXPECT_TRUE(policy.allows(head));
  EXPECT_TRUE(policy.cors_fields(head).empty());
}

TEST(OriginPolicy, OwnOriginNeedsNoDefaultPort) {
  const SystemClock clock;
  const GatewayOptions options;
  const OriginPolicy policy(options, clock);
  EXPECT_TRUE(policy.allows(from_origin("https://chat.example", true, "chat.example:443")));
  EXPECT_TRUE(policy.allows(from_origin("https://chat.example", true, "chat.example")));
  EXPECT_FALSE(policy.allows(from_origin("http://chat.example", true, "chat.example")));
  EXPECT_TRUE(policy.allows(from_origin("http://[::1]:5001", false, "[::1]:5001")));
}

TEST(OriginPolicy, ListedOriginsGetCredentials) {
  const SystemClock clock;
  GatewayOptions options;
  options.allowed_origins = {"https://app.example"};
  const OriginPolicy policy(options, clock);
  EXPECT_EQ(policy.cors_fields(from_origin("https://app.example")),
            (Fields{{"Vary", "Origin"},
                    {"Access-Control-Allow-Origin", "https://app.example"},
                    {"Access-Control-Allow-Credentials", "true"}}));
}

TEST(OriginPolicy, TwoOriginFieldsAreRefused) {
  const SystemClock clock;
  GatewayOptions options;
  options.allowed_origins = {"https://app.example"};
  const OriginPolicy policy(options, clock);
  auto head = from_origin("https://app.example");
  head.fields.emplace_back("origin", "https://evil.example");
  EXPECT_FALSE(policy.allows(head));
}

TEST(OriginPolicy, OpenModeAllowsEveryOriginWithoutCredentialsUnlessAListIsSet) {
  const SystemClock clock;
  GatewayOptions options;
  options.auth = AuthMode::kOpen;
  {
    const OriginPolicy policy(options, clock);
    EXPECT_TRUE(policy.allows(from_origin("https://evil.example")));
    EXPECT_TRUE(policy.allows(from_origin("null")));
    EXPECT_EQ(policy.cors_fields(from_origin("https://evil.example")),
              (Fields{{"Access-Control-Allow-Origin", "*"}}));
  }
  options.allowed_origins = {"http://localhost:3000"};
  const OriginPolicy policy(options, clock);
  EXPECT_FALSE(policy.allows(from_origin("https://evil.example")));
  EXPECT_TRUE(policy.allows(from_origin("http://localhost:3000")));
}

std::string log_of(const OriginPolicy& policy, const std::vector<std::string>& origins) {
  ::testing::internal::CaptureStderr();
  for (const std::string& origin : origins) EXPECT_FALSE(policy.allows(from_origin(origin)));
  return ::testing::internal::GetCapturedStderr();
}

std::vector<std::string> many_origins(int count) {
  std::vector<std::string> origins;
  for (int i = 0; i < count; ++i) origins.push_back("https://b" + std::to_string(i) + ".example");
  return origins;
}

TEST(OriginPolicy, LogsEachRefusedOriginOnceWithTheWordsToSet) {
  const ManualClock clock;
  const GatewayOptions options;
  const OriginPolicy policy(options, clock);
  const std::string log = log_of(policy, {"https://a.example", "https://a.example",
                                          "capacitor://localhost", "https://a.example"});
  EXPECT_EQ(std::ranges::count(log, '\n'), 2) << log;
  EXPECT_NE(log.find("CLIENT_URL=https://a.example"), std::string::npos) << log;
  EXPECT_NE(log.find("CLIENT_URL=capacitor://localhost"), std::string::npos) << log;
  EXPECT_NE(log.find("ip=192.0.2.1"), std::string::npos) << log;
}

TEST(OriginPolicy, GivesNoHintThatTheSettingWouldRefuse) {
  const ManualClock clock;
  const GatewayOptions options;
  const OriginPolicy policy(options, clock);
  for (const char* origin : {"null", "file://", "https://APP.example", "https://a.example:443",
                             "https://a.example/", "a b", "https://a\xff.example"}) {
    const std::string log = log_of(policy, {origin});
    EXPECT_EQ(std::ranges::count(log, '\n'), 1) << origin;
    EXPECT_EQ(log.find("CLIENT_URL"), std::string::npos) << log;
  }
}

TEST(OriginPolicy, WhatIsLoggedOfAnOriginIsBoundedAndPlain) {
  const ManualClock clock;
  const GatewayOptions options;
  const OriginPolicy policy(options, clock);
  const std::string log = log_of(policy, {"https://" + std::string(8'000, 'a'),
                                          "x\xff\xc2\x9b\u202e"
                                          "evil"});
  EXPECT_LT(log.size(), 800u);
  EXPECT_EQ(log.find('\xff'), std::string::npos);
  EXPECT_NE(log.find(R"(x\ufffd\u009b\u202eevil)"), std::string::npos) << log;
}

TEST(OriginPolicy, LogsABoundedNumberAMinuteAndGoesOnInTheNext) {
  ManualClock clock;
  const GatewayOptions options;
  const OriginPolicy policy(options, clock);
  EXPECT_EQ(std::ranges::count(log_of(policy, many_origins(200)), '\n'), 64);
  clock.advance_ms(60'000);
  EXPECT_EQ(std::ranges::count(log_of(policy, {"https://b0.example"}), '\n'), 0) << "remembered";
  EXPECT_EQ(std::ranges::count(log_of(policy, {"https://late.example"}), '\n'), 1);
  EXPECT_EQ(std::ranges::count(log_of(policy, many_origins(200)), '\n'), 63);
}

struct RebindingCase {
  const char* host;
  bool is_own;  // over loopback, without a proxy's fields
};

class Rebinding : public ::testing::TestWithParam<RebindingCase> {};

TEST_P(Rebinding, OverLoopbackOnlyNamesOfThisMachineAreItsOwn) {
  const SystemClock clock;
  GatewayOptions options;
  options.allowed_origins = {"http://listed.example:3000"};
  const OriginPolicy policy(options, clock);
  const auto& [host, is_own] = GetParam();
  net::RequestHead head = from_origin(std::string("http://") + host, false, host);
  EXPECT_TRUE(policy.allows(head)) << "from elsewhere";
  head.from_loopback = true;
  EXPECT_EQ(policy.allows(head), is_own);
  EXPECT_EQ(is_trusted_origin(head, options), is_own);
  EXPECT_EQ(may_be_rebound(head, options), !is_own);
  head.has_forwarding_header = true;
  EXPECT_TRUE(policy.allows(head)) << "through a proxy of this machine";
}

INSTANTIATE_TEST_SUITE_P(
    Hosts, Rebinding,
    ::testing::Values(
        RebindingCase{"127.0.0.1:5001", true}, RebindingCase{"127.0.0.1", true},
        RebindingCase{"[::1]:5001", true}, RebindingCase{"192.0.2.7:5001", true},
        RebindingCase{"localhost:5001", true}, RebindingCase{"LOCALHOST:5001", true},
        RebindingCase{"chat.localhost", true}, RebindingCase{"listed.example:5001", true},
        RebindingCase{"evil.example", false}, RebindingCase{"evil.example:5001", false},
        RebindingCase{"evillocalhost", false}, RebindingCase{"localhost.evil.example", false},
        RebindingCase{"127.0.0.1.evil.example", false},
        RebindingCase{"listed.example.evil.example", false}));

}  // namespace
}  // namespace maru::gateway
