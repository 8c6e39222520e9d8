#include "gateway/identity/auth.hpp"

#include <sodium.h>

#include "gateway/identity/origin_policy.hpp"

namespace maru::gateway {
namespace {

constexpr std::size_t kTokenCharacters = 43;  // 32 bytes in base64url without padding
constexpr std::string_view kSecureCookie = "__Host-maru";
constexpr std::string_view kPlainCookie = "maru";
constexpr std::string_view kBearer = "bearer ";

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view token_of_bearer(std::string_view field) {
  if (field.size() <= kBearer.size()) return {};
  for (std::size_t i = 0; i < kBearer.size(); ++i) {
    const char c = field[i];
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (lower != kBearer[i]) return {};
  }
  return trim(field.substr(kBearer.size()));
}

std::string_view cookie_value(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    const std::size_t end = cookies.find(';');
    const std::string_view pair = trim(cookies.substr(0, end));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
      return pair.substr(equals + 1);
    }
    if (end == std::string_view::npos) break;
    cookies.remove_prefix(end + 1);
  }
  return {};
}

bool cookie_counts(const net::RequestHead& head, const GatewayOptions& options) {
  if (has_origin(head)) return is_trusted_origin(head, options);
  // A browser says where a request without Origin came from: an image or a link of another site
  // brings the cookie along (quality.md 1, row 3). Other clients say nothing.
  const std::string_view site = head.field("sec-fetch-site");
  if (!site.empty() && site != "same-origin" && site != "none") return false;
  return head.method == net::Method::kGet || head.method == net::Method::kHead;
}

std::string cookie_field(std::string_view value, bool secure, std::int64_t max_age_s) {
  std::string field(secure ? kSecureCookie : kPlainCookie);
  field += '=';
  field += value;
  field += "; Path=/; HttpOnly; SameSite=Lax; Max-Age=";
  field += std::to_string(max_age_s);
  if (secure) field += "; Secure";
  return field;
}

TokenHash hash_bytes(const std::uint8_t (&bytes)[kTokenBytes]) {
  TokenHash hash;
  static_assert(crypto_hash_sha256_BYTES == std::tuple_size_v<TokenHash>);
  crypto_hash_sha256(hash.data(), bytes, sizeof bytes);
  return hash;
}

}  // namespace

std::string_view bearer_token(const net::RequestHead& head) {
  return token_of_bearer(head.field("authorization"));
}

TokenHash hash_secret(std::string_view secret) {
  TokenHash hash;
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(secret.data()),
                     secret.size());
  return hash;
}

NewToken make_token(const Random& random) {
  std::uint8_t bytes[kTokenBytes];
  random(bytes, sizeof bytes);
  char text[kTokenCharacters + 1];
  sodium_bin2base64(text, sizeof text, bytes, sizeof bytes,
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  NewToken token{std::string(text, kTokenCharacters), hash_bytes(bytes)};
  sodium_memzero(bytes, sizeof bytes);
  return token;
}

std::optional<TokenHash> hash_token(std::string_view token) {
  if (token.size() != kTokenCharacters) return std::nullopt;
  std::uint8_t bytes[kTokenBytes];
  std::size_t size = 0;
  const char* end = nullptr;
  // Refuses other alphabets and the spare bits of the last digit, so that a token has one spelling.
  if (sodium_base642bin(bytes, sizeof bytes, token.data(), token.size(), nullptr, &size, &end,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0) {
    return std::nullopt;
  }
  if (size != kTokenBytes || end != token.data() + token.size()) return std::nullopt;
  return hash_bytes(bytes);
}

Credentials credentials_of(const net::RequestHead& head, const GatewayOptions& options) {
  if (const std::string_view token = bearer_token(head); !token.empty()) {
    // A bearer token that cannot be one still decides: the cookie must not stand in for it.
    const auto hash = hash_token(token);
    return {TokenSource::kBearer, hash.value_or(TokenHash{}), hash.has_value()};
  }
  const std::string_view cookie =
      cookie_value(head.field("cookie"), head.secure ? kSecureCookie : kPlainCookie);
  if (cookie.empty() || !cookie_counts(head, options)) return {};
  const auto hash = hash_token(cookie);
  if (!hash) return {TokenSource::kNone, {}, true, true};
  return {TokenSource::kCookie, *hash};
}

std::string set_cookie_field(std::string_view token, bool secure, std::int64_t max_age_s) {
  return cookie_field(token, secure, max_age_s);
}

std::string clear_cookie_field(bool secure) {
  return cookie_field({}, secure, 0);
}

Result<Identity> authenticate(chat::Snapshot& snapshot, const TokenHash& token, WallTime now,
                              const GatewayOptions& options) {
  auto found = snapshot.find_session(token);
  if (!found) return std::unexpected(std::move(found.error()));
  if (!found->has_value()) {
    return fail(ErrorCode::kUnauthenticated, "The session is unknown or has ended; log in again.");
  }
  chat::SessionUser& it = **found;
  if (it.user.deleted_at || it.session.last_used_at.ms + options.session_idle_ms <= now.ms) {
    return fail(ErrorCode::kUnauthenticated, "The session has expired; log in again.");
  }
  return Identity{it.user.id,   std::move(it.user.name),        it.session.id,
                  it.user.type, !it.user.password_hash.empty(), it.session.last_used_at};
}

}  // namespace maru::gateway
