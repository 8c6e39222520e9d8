#include "gateway/rest/session_opening.hpp"

#include "base/log.hpp"
#include "fanout/presence/presence.hpp"
#include "json/writer.hpp"
#include "text/text.hpp"
#include "wire/documents.hpp"

namespace maru::gateway::rest {
namespace {

constexpr std::size_t kUserAgentBytesMax = 256;
// As long as browsers keep one (RFC 6265bis, 5.6.2). The session itself ends by its own rules:
// a cookie that ended 30 days after the login would log out people who come every day.
constexpr std::int64_t kCookieMaxAgeS = 400LL * 24 * 3600;

// What a client says it is, cut to size, without what could disturb a list or a log.
std::string clean_user_agent(std::string_view raw) {
  const bool is_utf8 = text::is_valid_utf8(raw);
  std::string out;
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !is_utf8)) continue;
    out += c;
  }
  if (out.size() <= kUserAgentBytesMax) return out;
  std::size_t end = kUserAgentBytesMax;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;
  out.resize(end);
  return out;
}

}  // namespace

OpeningSession make_session(const Call& call) {
  NewToken token = make_token(call.context().random);
  return {{token.hash, clean_user_agent(call.head().field("user-agent"))}, std::move(token.token)};
}

Answering answer_logged_in(Call& call, chat::LoggedIn logged_in, std::string token, Opened how) {
  const auto& [user, session, created] = logged_in;
  log::audit(how == Opened::kByLogin ? "audit_login" : "audit_register",
             {{"user", user.id.hex()},
              {"session", session.id.hex()},
              {"created", created},
              {"ip", call.head().peer_address},
              {"request_id", call.request_id()}});
  // In open mode a request that names a user keeps them online (product.md, "Presence").
  if (call.is_open()) call.context().presence.user_named(user.id);
  const bool online = co_await is_online(call, user.id);
  Answer answer;
  answer.status = how == Opened::kByLogin ? 200 : 201;
  json::Writer out(answer.body);
  wire::write_user_open(out, user, call.is_open() || online);
  out.key("token").string(token);
  out.key("expiresAt")
      .time(WallTime{session.last_used_at.ms + call.context().options.session_idle_ms});
  out.end_object();
  answer.fields.emplace_back("Set-Cookie",
                             set_cookie_field(token, call.head().secure, kCookieMaxAgeS));
  co_return answer;
}

}  // namespace maru::gateway::rest
