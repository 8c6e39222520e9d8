// Who is asking (product.md, "Identity"; quality.md 1, rows 4 and 5). Tokens are 256 random bits in
// base64url; only their SHA-256 is looked up and kept. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "chat/ports/snapshot.hpp"
#include "gateway/context.hpp"
#include "net/http.hpp"

namespace maru::gateway {

inline constexpr std::size_t kTokenBytes = 32;

struct NewToken {
  std::string token;  // 43 characters; given to the client once, never logged
  TokenHash hash{};
};
NewToken make_token(const Random& random);

// The token of an `Authorization: Bearer` field; empty when there is none.
std::string_view bearer_token(const net::RequestHead& head);
// Of a secret that is no token of a session.
TokenHash hash_secret(std::string_view secret);

// Nothing for a string that cannot be a token.
std::optional<TokenHash> hash_token(std::string_view token);

enum class TokenSource : std::uint8_t { kNone, kBearer, kCookie };

// `Authorization: Bearer` wins over the cookie (`__Host-maru` when secure, else `maru`). A cookie
// counts only if the Origin rule allows it for this method; with no Origin, for GET and HEAD that
// no other site has caused (Sec-Fetch-Site).
struct Credentials {
  TokenSource source = TokenSource::kNone;
  TokenHash token{};
  bool is_possible = true;         // false: a bearer that cannot be a token; it is nobody's
  bool has_broken_cookie = false;  // a cookie that cannot hold a token; it counts as none
};
Credentials credentials_of(const net::RequestHead& head, const GatewayOptions& options);
std::string set_cookie_field(std::string_view token, bool secure, std::int64_t max_age_s);
std::string clear_cookie_field(bool secure);

struct Identity {
  UserId user;
  std::string user_name;
  SessionId session;
  chat::AccountType type = chat::AccountType::kGuest;
  bool has_password = false;
  WallTime last_used_at;
};

// kUnauthenticated when there is no such live session (idle past options.session_idle_ms, or its
// user is deleted). Reader thread.
Result<Identity> authenticate(chat::Snapshot& snapshot, const TokenHash& token, WallTime now,
                              const GatewayOptions& options);

}  // namespace maru::gateway
