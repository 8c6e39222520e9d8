#include "gateway/identity/origin_policy.hpp"

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
        OriginCase{"https://app.example:443", true}, OriginCase{"https://app.example:8443", false},
        OriginCase{"https://app.example/", true}, OriginCase{"https://APP.example", true},
        OriginCase{"HTTPS://app.example", true}, OriginCase{"http://app.example", false},
        OriginCase{"https://app.exampl", false}, OriginCase{"xhttps://app.example", false},
        OriginCase{"https://evil.example https://app.example", false},
        OriginCase{"https://user@app.example", false}, OriginCase{"*", false},
        OriginCase{"file://", false},
        // What native clients make of the server's URL; Swift's WebSocket for one.
        OriginCase{"ws://chat.example:5001", true}, OriginCase{"WS://Chat.Example:5001/", true},
        OriginCase{"http://CHAT.example:5001/", true}, OriginCase{"wss://app.example", true},
        OriginCase{"wss://app.example:443/", true}, OriginCase{"ws://localhost:3000", true},
        OriginCase{"ws://evil.example:5001", false}, OriginCase{"wss://evil.example", false},
        OriginCase{"wss://chat.example:5001", false}, OriginCase{"ws://chat.example", false},
        OriginCase{"ws://chat.example:80", false}, OriginCase{"ws://app.example", false},
        OriginCase{"ws://chat.example:5001.evil.example", false},
        OriginCase{"ws://chat.example:5001@evil.example", false},
        OriginCase{"ws://evil.example@chat.example:5001", false},
        OriginCase{"ws://chat.example:5001//", false}, OriginCase{"ws://chat.example:05001", false},
        OriginCase{"ws://chat.example:5001/path", false},
        OriginCase{"ws://chat.example.:5001", false}, OriginCase{"wsx://chat.example:5001", false},
        OriginCase{"http+ws://chat.example:5001", false}, OriginCase{"//chat.example:5001", false},
        OriginCase{"chat.example:5001", false}, OriginCase{"http://[::1].evil", false},
        OriginCase{"http://xn--chat-.example:5001", false},
        OriginCase{"http://\xd1\x81hat.example:5001", false}));

// As the Origin of a page or client that was reached under this Host.
struct OwnCase {
  const char* host;
  bool secure;
  const char* origin;
  bool allowed;
};

class OwnOrigin : public ::testing::TestWithParam<OwnCase> {};

TEST_P(OwnOrigin, IsTheHostInAnyOfItsSpellings) {
  const SystemClock clock;
  const GatewayOptions options;
  const OriginPolicy policy(options, clock);
  const auto& [host, secure, origin, allowed] = GetParam();
  EXPECT_EQ(policy.allows(from_origin(origin, secure, host)), allowed) << origin << " at " << host;
}

INSTANTIATE_TEST_SUITE_P(
    Hosts, OwnOrigin,
    ::testing::Values(OwnCase{"h.example", false, "http://h.example:80", true},
                      OwnCase{"h.example:80", false, "http://h.example", true},
                      OwnCase{"h.example:80", false, "ws://h.example", true},
                      OwnCase{"h.example", true, "https://h.example:443", true},
                      OwnCase{"h.example:443", true, "wss://h.example", true},
                      OwnCase{"h.example", true, "wss://h.example:443/", true},
                      OwnCase{"H.EXAMPLE", true, "https://h.example", true},
                      OwnCase{"h.example", true, "http://h.example", false},
                      OwnCase{"h.example", true, "ws://h.example", false},
                      OwnCase{"h.example", false, "https://h.example", false},
                      OwnCase{"h.example", false, "wss://h.example", false},
                      OwnCase{"h.example:443", false, "http://h.example", false},
                      OwnCase{"h.example:8080", false, "http://h.example", false},
                      OwnCase{"[::1]", false, "http://[::1]:80", true},
                      OwnCase{"[2001:DB8::1]:5001", false, "ws://[2001:db8::1]:5001", true},
                      // A Host that cannot be one makes no origin its own.
                      OwnCase{"[::1].evil", false, "http://[::1].evil", false},
                      OwnCase{"h.example:", false, "http://h.example:", false},
                      OwnCase{"h.example:x", false, "http://h.example:x", false},
                      OwnCase{"", false, "http://", false},
                      OwnCase{"h.example/", false, "http://h.example", true},
                      OwnCase{"h.example//", false, "http://h.example", false}));

TEST(OriginPolicy, ATrustedProxysHostIsTheOwnOne) {
  const SystemClock clock;
  const GatewayOptions options;
  const OriginPolicy policy(options, clock);
  auto head = from_origin("https://chat.example", true, "127.0.0.1:5001");
  EXPECT_FALSE(policy.allows(head));
  head.forwarded_host = "chat.example";
  EXPECT_TRUE(policy.allows(head));
  head.fields[1].second = "https://127.0.0.1:5001";
  EXPECT_FALSE(policy.allows(head));
}

TEST(OriginPolicy, SeveralEmptyOriginFieldsHideNone) {
  const SystemClock clock;
  const GatewayOptions options;
  const OriginPolicy policy(options, clock);
  auto head = from_origin("");
  EXPECT_TRUE(policy.allows(head));
  head.fields.emplace_back("origin", "https://evil.example");
  EXPECT_FALSE(policy.allows(head));
}

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

TEST(OriginPolicy, AHostThatIsNoAddressMayBeRebound) {
  const GatewayOptions options;
  for (const char* host :
       {"[::1].evil", "[::1]evil", "[::1]:80.evil", "127.0.0.1:80.evil", "[::1", "::1",
        "2130706433", "0x7f.1", "127.1", "localhost.", "localhost:x", ""}) {
    auto head = from_origin("http://a.example", false, host);
    head.from_loopback = true;
    EXPECT_TRUE(may_be_rebound(head, options)) << host;
  }
}

}  // namespace
}  // namespace maru::gateway
