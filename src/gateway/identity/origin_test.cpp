#include "gateway/identity/origin.hpp"

#include <gtest/gtest.h>

namespace maru::gateway {
namespace {

TEST(NormaliseOrigin, TakesEverySchemeAsBrowsersWriteIt) {
  const auto same = [](const char* text) { EXPECT_EQ(normalise_origin(text), text); };
  same("https://chat.example");
  same("http://localhost:3000");
  same("capacitor://localhost");
  same("ionic://localhost");
  same("tauri://localhost");
  same("app://.");
  same("chrome-extension://abcdefghijklmnopabcdefghijklmnop");
  same("http://[::1]:5001");
  same("http://my_host:8080");
  EXPECT_EQ(normalise_origin("HTTPS://Chat.Example:443/"), "https://chat.example");
  EXPECT_EQ(normalise_origin("http://[::1]:80"), "http://[::1]");
  EXPECT_EQ(normalise_origin("http://a.example:443"), "http://a.example:443");
  EXPECT_EQ(normalise_origin("ws://a.example:5001"), "http://a.example:5001");
  EXPECT_EQ(normalise_origin("WS://A.example:80/"), "http://a.example");
  EXPECT_EQ(normalise_origin("wss://a.example"), "https://a.example");
  EXPECT_EQ(normalise_origin("wss://a.example:443"), "https://a.example");
  EXPECT_EQ(normalise_origin("ws://a.example:443"), "http://a.example:443");
  EXPECT_EQ(normalise_origin("http://[2001:DB8::1]:443"), "http://[2001:db8::1]:443");
  EXPECT_EQ(normalise_origin("https://xn--o39an51b.example"), "https://xn--o39an51b.example");
  EXPECT_EQ(normalise_origin("http://a.example:65535"), "http://a.example:65535");
  EXPECT_EQ(normalise_origin("capacitor://localhost:80"), "capacitor://localhost:80");
}

TEST(NormaliseOrigin, RefusesWhatIsNone) {
  for (const char* text : {"",
                           "*",
                           "null",
                           "example.org",
                           "//example.org",
                           "://example.org",
                           "1a://example.org",
                           "https://",
                           "file://",
                           "file:///",
                           "https:///",
                           "https://a.example/path",
                           "https://a.example?q",
                           "https://a.example#f",
                           "https://user@a.example",
                           "https://a.example:",
                           "https://a.example:port",
                           "https://a.example:123456",
                           "https://a.example:65536",
                           "https://a.example:0",
                           "https://a.example:0443",
                           "https://a.example:+443",
                           "https://a.example:-1",
                           "https://a.example: 443",
                           "https://a.example:443:443",
                           "https://a.example:443@b.example",
                           "https://a.example:443.b.example",
                           "https://a.example//",
                           "https://a.example\\",
                           "https://a.example\\@b.example",
                           "https://a.example%2eb.example",
                           "https:a.example",
                           "https:/a.example",
                           " https://a.example",
                           "https://a.example ",
                           "https ://a.example",
                           "https://[::1].evil",
                           "https://[::1]evil:80",
                           "https://[::1]]",
                           "https://[::1]]:80",
                           "https://[::1]:",
                           "https://[::1%25eth0]",
                           "https://[:::1]",
                           "https://[1.2.3.4]",
                           "https://[evil]",
                           "https://evil]:80",
                           "https://evil[::1]",
                           "https://a b.example",
                           "https://a.example https://b.example",
                           "https://*.example",
                           "https://a.example,b",
                           "https://[::1",
                           "https://[]",
                           "https://::1",
                           "https://\xec\xb1\x84.example",
                           "https://a\x80.example",
                           "https://a\nb"}) {
    EXPECT_EQ(normalise_origin(text), std::nullopt) << text;
  }
}

TEST(NormaliseOrigin, IsItsOwnNormalForm) {
  for (const char* text : {"HTTPS://Chat.Example:443/", "ws://[::1]:80", "wss://a.example:5001"}) {
    const auto once = normalise_origin(text);
    ASSERT_TRUE(once) << text;
    EXPECT_EQ(normalise_origin(*once), once) << text;
  }
}

TEST(HostOfOrigin, LeavesSchemeAndPortOut) {
  EXPECT_EQ(host_of_origin("https://chat.example"), "chat.example");
  EXPECT_EQ(host_of_origin("http://chat.example:5001"), "chat.example");
  EXPECT_EQ(host_of_origin("http://[::1]:5001"), "[::1]");
  EXPECT_EQ(host_of_origin("null"), "");
  EXPECT_EQ(host_of_origin("http://[::1]"), "[::1]");
}

}  // namespace
}  // namespace maru::gateway
