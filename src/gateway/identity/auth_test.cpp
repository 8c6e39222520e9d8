#include "gateway/identity/auth.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "gateway/testing/request_head.hpp"

namespace maru::gateway {
namespace {

using testing::make_head;

Random counting_random() {
  return [next = std::uint8_t{0}](std::uint8_t* out, std::size_t size) mutable {
    std::iota(out, out + size, next);
    ++next;
  };
}

std::string a_token() {
  return make_token(counting_random()).token;
}

TEST(Token, Has43CharactersAndIsFoundAgainByItsHash) {
  const Random random = counting_random();
  const NewToken first = make_token(random);
  const NewToken second = make_token(random);
  EXPECT_EQ(first.token.size(), 43u);
  EXPECT_EQ(first.token, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
  EXPECT_NE(first.token, second.token);
  EXPECT_EQ(hash_token(first.token), first.hash);
  EXPECT_NE(first.hash, second.hash);
}

TEST(Token, EverythingElseIsNoToken) {
  const std::string token = a_token();
  EXPECT_FALSE(hash_token(""));
  EXPECT_FALSE(hash_token(token.substr(1)));
  EXPECT_FALSE(hash_token(token + "A"));
  EXPECT_FALSE(hash_token(token + "="));
  EXPECT_FALSE(hash_token(token.substr(0, 42) + "+"));
  EXPECT_FALSE(hash_token(token.substr(0, 42) + " "));
  EXPECT_FALSE(hash_token(token.substr(0, 42) + std::string(1, '\0')));
  // The last digit has two spare bits: another spelling of the same bytes is refused.
  EXPECT_FALSE(hash_token(token.substr(0, 42) + "9"));
}

TEST(Credentials, BearerWinsOverTheCookie) {
  const GatewayOptions options;
  const std::string token = a_token();
  const auto both = credentials_of(
      make_head(net::Method::kGet, "/",
                {{"authorization", "Bearer " + token}, {"cookie", "maru=" + std::string(43, 'A')}}),
      options);
  EXPECT_EQ(both.source, TokenSource::kBearer);
  EXPECT_EQ(both.token, *hash_token(token));
  const auto broken =
      credentials_of(make_head(net::Method::kGet, "/",
                               {{"authorization", "bearer nonsense"}, {"cookie", "maru=" + token}}),
                     options);
  EXPECT_EQ(broken.source, TokenSource::kBearer);
  EXPECT_EQ(broken.token, TokenHash{});
  const auto basic =
      credentials_of(make_head(net::Method::kGet, "/", {{"authorization", "Basic eDp5"}}), options);
  EXPECT_EQ(basic.source, TokenSource::kNone);
}

TEST(Credentials, CookieNameDependsOnTls) {
  const GatewayOptions options;
  const std::string token = a_token();
  auto head = make_head(net::Method::kGet, "/", {{"cookie", "a=b; maru=" + token + ";c=d"}});
  EXPECT_EQ(credentials_of(head, options).source, TokenSource::kCookie);
  head.secure = true;
  EXPECT_EQ(credentials_of(head, options).source, TokenSource::kNone);
  head.fields = {{"cookie", "maru=x; __Host-maru=" + token}};
  EXPECT_EQ(credentials_of(head, options).token, *hash_token(token));
  head.fields = {{"cookie", "xmaru=" + token + "; maru; =" + token}};
  head.secure = false;
  EXPECT_EQ(credentials_of(head, options).source, TokenSource::kNone);
}

TEST(Credentials, WithoutOriginACookieCountsForReadingOnly) {
  const GatewayOptions options;
  const std::pair<std::string, std::string> cookie{"cookie", "maru=" + a_token()};
  using enum net::Method;
  for (const auto method : {kGet, kHead}) {
    EXPECT_EQ(credentials_of(make_head(method, "/", {cookie}), options).source,
              TokenSource::kCookie);
  }
  for (const auto method : {kPost, kPut, kPatch, kDelete, kOptions, kOther}) {
    EXPECT_EQ(credentials_of(make_head(method, "/", {cookie}), options).source, TokenSource::kNone);
  }
}

TEST(Credentials, WithAnOriginTheCookieCountsIfItIsTrusted) {
  GatewayOptions options;
  options.allowed_origins = {"https://app.example"};
  const std::pair<std::string, std::string> cookie{"cookie", "maru=" + a_token()};
  const auto source = [&](const char* origin) {
    return credentials_of(make_head(net::Method::kPost, "/",
                                    {{"host", "chat.example"}, {"origin", origin}, cookie}),
                          options)
        .source;
  };
  EXPECT_EQ(source("https://app.example"), TokenSource::kCookie);
  EXPECT_EQ(source("http://chat.example"), TokenSource::kCookie);
  EXPECT_EQ(source("https://evil.example"), TokenSource::kNone);
  // Open mode lets every origin in, but not with somebody's cookie.
  options = {};
  options.auth = AuthMode::kOpen;
  EXPECT_EQ(source("https://evil.example"), TokenSource::kNone);
  EXPECT_EQ(source("http://chat.example"), TokenSource::kCookie);
}

TEST(Cookie, FieldsAreStrict) {
  EXPECT_EQ(set_cookie_field("T", false, 60), "maru=T; Path=/; HttpOnly; SameSite=Lax; Max-Age=60");
  EXPECT_EQ(set_cookie_field("T", true, 60),
            "__Host-maru=T; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure");
  EXPECT_EQ(clear_cookie_field(true),
            "__Host-maru=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure");
}

}  // namespace
}  // namespace maru::gateway
