#include "net/address.hpp"

#include <gtest/gtest.h>

namespace maru::net {
namespace {

RequestHead describe(const std::vector<std::string>& proxies, std::string_view peer,
                     std::vector<std::pair<std::string, std::string>> fields,
                     bool own_tls = false) {
  RequestHead head;
  head.fields = std::move(fields);
  (void)TrustedProxies(proxies).describe(*Address::parse(peer), own_tls, head);
  return head;
}

TEST(Address, ParsesWhatProxiesWrite) {
  EXPECT_EQ(Address::parse("1.2.3.4")->to_text(), "1.2.3.4");
  EXPECT_EQ(Address::parse(" 1.2.3.4:80 ")->to_text(), "1.2.3.4");
  EXPECT_EQ(Address::parse("[2001:db8::1]:443")->to_text(), "2001:db8::1");
  EXPECT_EQ(Address::parse("::ffff:1.2.3.4")->to_text(), "1.2.3.4");
  for (const char* bad : {"",
                          "1.2.3",
                          "localhost",
                          "1.2.3.4.5",
                          "[::1",
                          "unknown",
                          "_hidden",
                          "[::1].evil",
                          "[::1]evil",
                          "[::1]]",
                          "[::1]:",
                          "[::1]:x",
                          "[::1]:65536",
                          "[::1]:80.evil",
                          "[1.2.3.4]",
                          "[]",
                          "[::1]:80:80",
                          "1.2.3.4:",
                          "1.2.3.4:x",
                          "1.2.3.4:80.evil",
                          "1.2.3.4:80:80",
                          "::1.evil",
                          "::1%eth0",
                          "::1]",
                          "2130706433",
                          "0x7f.0.0.1",
                          "127.1",
                          "0177.0.0.1",
                          "a:80",
                          ":80",
                          ":"}) {
    EXPECT_FALSE(Address::parse(bad)) << bad;
  }
  EXPECT_FALSE(Address::parse(std::string(100, '1')));
  EXPECT_FALSE(Address::parse(std::string_view("::1\0evil", 8)));
  EXPECT_TRUE(Address::parse("127.9.9.9")->is_loopback());
  EXPECT_TRUE(Address::parse("::1")->is_loopback());
  EXPECT_FALSE(Address::parse("10.0.0.1")->is_loopback());
}

TEST(Address, LimitsCountByIPv4AddressAndByIPv6Network) {
  const auto prefix = [](std::string_view text) {
    return limit_prefix(*Address::parse(text)).to_text();
  };
  EXPECT_EQ(prefix("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(prefix("::ffff:192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(prefix("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
  EXPECT_EQ(prefix("2001:db8:1:2:ffff:ffff:ffff:ffff"), "2001:db8:1:2::");
  EXPECT_NE(prefix("2001:db8:1:3::1"), prefix("2001:db8:1:2::1"));
  EXPECT_EQ(prefix("::"), "::");
}

TEST(TrustedProxies, HoldsAddressesAndBlocks) {
  const TrustedProxies proxies({"10.0.0.0/9", "192.168.1.1", "2001:db8::/33", "bad", "1.2.3.4/33"});
  EXPECT_TRUE(proxies.contains(*Address::parse("10.127.255.255")));
  EXPECT_FALSE(proxies.contains(*Address::parse("10.128.0.0")));
  EXPECT_TRUE(proxies.contains(*Address::parse("192.168.1.1")));
  EXPECT_FALSE(proxies.contains(*Address::parse("192.168.1.2")));
  EXPECT_TRUE(proxies.contains(*Address::parse("2001:db8:7fff::1")));
  EXPECT_FALSE(proxies.contains(*Address::parse("2001:db8:8000::1")));
  EXPECT_FALSE(proxies.contains(*Address::parse("1.2.3.4")));
  EXPECT_TRUE(TrustedProxies({"0.0.0.0/0"}).contains(*Address::parse("9.9.9.9")));
  EXPECT_FALSE(TrustedProxies({"0.0.0.0/0"}).contains(*Address::parse("2001::1")));
}

TEST(TrustedProxies, AStrangersForwardingFieldsAreNotBelieved) {
  const auto head = describe({"10.0.0.1"}, "9.9.9.9",
                             {{"x-forwarded-for", "1.1.1.1"}, {"x-forwarded-proto", "https"}});
  EXPECT_EQ(head.peer_address, "9.9.9.9");
  EXPECT_FALSE(head.secure);
  EXPECT_TRUE(head.has_forwarding_header);
}

TEST(TrustedProxies, TheClientIsTheRightMostUntrusted) {
  const std::vector<std::string> proxies = {"10.0.0.0/8"};
  EXPECT_EQ(describe(proxies, "10.0.0.1", {{"x-forwarded-for", "6.6.6.6, 1.1.1.1, 10.0.0.2"}})
                .peer_address,
            "1.1.1.1");
  EXPECT_EQ(describe(proxies, "10.0.0.1",
                     {{"x-forwarded-for", "6.6.6.6"}, {"x-forwarded-for", "1.1.1.1"}})
                .peer_address,
            "1.1.1.1");
  EXPECT_EQ(describe(proxies, "10.0.0.1", {{"x-forwarded-for", "10.0.0.3"}}).peer_address,
            "10.0.0.3");
  EXPECT_EQ(describe(proxies, "10.0.0.1", {{"x-forwarded-for", "1.1.1.1, unknown"}}).peer_address,
            "10.0.0.1");
  EXPECT_EQ(describe(proxies, "10.0.0.1", {}).peer_address, "10.0.0.1");
}

TEST(TrustedProxies, TellsSecureFromOwnTlsOrTheProxy) {
  EXPECT_TRUE(describe({}, "9.9.9.9", {}, true).secure);
  EXPECT_TRUE(describe({"10.0.0.1"}, "10.0.0.1", {{"x-forwarded-proto", "HTTPS"}}).secure);
  EXPECT_FALSE(describe({"10.0.0.1"}, "10.0.0.1", {{"x-forwarded-proto", "http"}}).secure);
  EXPECT_TRUE(describe({"10.0.0.1"}, "10.0.0.1", {{"x-forwarded-proto", "https"}}).secure);
  EXPECT_TRUE(describe({}, "127.0.0.1", {}).from_loopback);
  EXPECT_FALSE(describe({}, "127.0.0.1", {}).has_forwarding_header);
}

struct HopCase {
  const char* forwarded_for;
  const char* proto;
  bool secure;
};

TEST(TrustedProxies, TheSchemeIsOfTheHopThatGaveTheClientsAddress) {
  const std::vector<std::string> proxies = {"10.0.0.0/8"};
  for (const auto& [forwarded_for, proto, secure] : std::vector<HopCase>{
           {"1.1.1.1, 10.0.0.2", "https,http", true},
           {"1.1.1.1, 10.0.0.2", "https , http", true},
           {"1.1.1.1, 10.0.0.2", "http, https", false},
           {"1.1.1.1, 10.0.0.2", "https", true},  // passed on by the inner proxy
           {"1.1.1.1, 10.0.0.2", "http", false},
           {"1.1.1.1", "https, http", false},  // the client's own word, then the proxy's
           {"1.1.1.1", "http, https", true},
           {"6.6.6.6, 1.1.1.1, 10.0.0.2", "https, http, http", false},
           {"6.6.6.6, 1.1.1.1, 10.0.0.2", "http, https, http", true},
           {"1.1.1.1, unknown", "http, https", true},
           {"unknown", "https", true},
           {"1.1.1.1, 10.0.0.3, 10.0.0.2", "https, http, http", true},
           {"1.1.1.1", ",", false},
           {"1.1.1.1", "https,", false},
           {"1.1.1.1", "httpsx", false}}) {
    const auto head = describe(proxies, "10.0.0.1",
                               {{"x-forwarded-for", forwarded_for}, {"x-forwarded-proto", proto}});
    EXPECT_EQ(head.secure, secure) << forwarded_for << " | " << proto;
  }
  EXPECT_TRUE(describe(proxies, "10.0.0.1",
                       {{"x-forwarded-for", "1.1.1.1, 10.0.0.2"},
                        {"x-forwarded-proto", "https"},
                        {"x-forwarded-proto", "http"}})
                  .secure)
      << "several fields are one list";
}

TEST(TrustedProxies, TheHostIsWhatThatHopWasAskedFor) {
  const std::vector<std::string> proxies = {"10.0.0.0/8"};
  const auto host = [&](const char* peer, const char* forwarded_for, const char* value) {
    const auto head = describe(
        proxies, peer,
        {{"host", "inner"}, {"x-forwarded-for", forwarded_for}, {"x-forwarded-host", value}});
    return std::string(head.own_host());
  };
  EXPECT_EQ(host("10.0.0.1", "1.1.1.1", "chat.example"), "chat.example");
  EXPECT_EQ(host("10.0.0.1", "1.1.1.1", "evil.example, chat.example:8443"), "chat.example:8443");
  EXPECT_EQ(host("10.0.0.1", "1.1.1.1, 10.0.0.2", "chat.example, inner"), "chat.example");
  EXPECT_EQ(host("10.0.0.1", "1.1.1.1", ""), "inner");
  EXPECT_EQ(host("9.9.9.9", "1.1.1.1", "evil.example"), "inner") << "a stranger's word";
}

TEST(TrustedProxies, TellsOfAnIgnoredForwardedFor) {
  const TrustedProxies proxies({"10.0.0.0/8"});
  const auto said = [&](const char* peer, std::vector<std::pair<std::string, std::string>> fields) {
    RequestHead head;
    head.fields = std::move(fields);
    return proxies.describe(*Address::parse(peer), false, head);
  };
  EXPECT_EQ(said("127.0.0.1", {{"x-forwarded-for", "1.1.1.1"}}), Forwarding::kIgnored);
  EXPECT_EQ(said("10.0.0.1", {{"x-forwarded-for", "1.1.1.1"}}), Forwarding::kSettled);
  EXPECT_EQ(said("127.0.0.1", {{"via", "1.1 a"}}), Forwarding::kSettled);
  EXPECT_EQ(said("127.0.0.1", {}), Forwarding::kSettled);
}

}  // namespace
}  // namespace maru::net
