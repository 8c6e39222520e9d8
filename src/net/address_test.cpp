#include "net/address.hpp"

#include <gtest/gtest.h>

namespace maru::net {
namespace {

RequestHead describe(const std::vector<std::string>& proxies, std::string_view peer,
                     std::vector<std::pair<std::string, std::string>> fields,
                     bool own_tls = false) {
  RequestHead head;
  head.fields = std::move(fields);
  TrustedProxies(proxies).describe(*Address::parse(peer), own_tls, head);
  return head;
}

TEST(Address, ParsesWhatProxiesWrite) {
  EXPECT_EQ(Address::parse("1.2.3.4")->to_text(), "1.2.3.4");
  EXPECT_EQ(Address::parse(" 1.2.3.4:80 ")->to_text(), "1.2.3.4");
  EXPECT_EQ(Address::parse("[2001:db8::1]:443")->to_text(), "2001:db8::1");
  EXPECT_EQ(Address::parse("::ffff:1.2.3.4")->to_text(), "1.2.3.4");
  for (const char* bad : {"", "1.2.3", "localhost", "1.2.3.4.5", "[::1", "unknown", "_hidden"}) {
    EXPECT_FALSE(Address::parse(bad)) << bad;
  }
  EXPECT_FALSE(Address::parse(std::string(100, '1')));
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
  EXPECT_TRUE(describe({}, "127.0.0.1", {}).from_loopback);
  EXPECT_FALSE(describe({}, "127.0.0.1", {}).has_forwarding_header);
}

}  // namespace
}  // namespace maru::net
