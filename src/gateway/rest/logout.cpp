// POST /users/logout {userName?}: ends the session; in open mode without one, the named user goes
// offline.
#include "base/log.hpp"
#include "fanout/presence/presence.hpp"
#include "gateway/limits/rate_limiter.hpp"
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "text/text.hpp"

namespace maru::gateway::rest {
namespace {

// Without a session, anybody can cause as many of these as they like.
void log_logout(const Call& call, const UserId& user) {
  log::audit_repeated(
      "audit_logout", {{"user", user.hex()}, {"network", network_of(call.head().peer_address)}},
      {{"user", user.hex()}, {"ip", call.head().peer_address}, {"request_id", call.request_id()}});
}

Answer logged_out_answer(const Call& call, const UserId& user) {
  log_logout(call, user);
  Answer answer = json_answer(R"({"message":"Logout successful"})");
  answer.fields.emplace_back("Set-Cookie", clear_cookie_field(call.head().secure));
  return answer;
}

Answering end_session(Call& call, Identity identity) {
  const UserId user = identity.user;
  const chat::RevokeSession command{user, identity.session, call.is_open()};
  const chat::Reply reply = co_await submit(call, command);
  // Somebody was faster: it has ended all the same.
  if (!reply && reply.error().code != ErrorCode::kNotFound) {
    co_return std::unexpected(reply.error());
  }
  if (call.is_open()) call.context().presence.user_logged_out(user);
  co_return logged_out_answer(call, user);
}

// Open mode: the name is all there is.
Answering leave_by_name(Call& call, std::string name) {
  NamedUser user;
  user.name = std::move(name);
  const Named named(std::move(user), "userName");
  const Result<chat::User> found =
      co_await query(call, chat::Lane::kUrgent,
                     [&](chat::Snapshot& snapshot) { return believe(snapshot, named, UserId()); });
  if (!found) co_return std::unexpected(found.error());
  call.context().presence.user_logged_out(found->id);
  co_return logged_out_answer(call, found->id);
}

Answering leave(Call& call, std::optional<std::string> name) {
  Result<Caller> caller = co_await known(call, Asks(Access::kReader));
  if (!caller) co_return std::unexpected(std::move(caller.error()));
  // In open mode another's name in the body is believed, but ends no session.
  const bool is_own = caller->session && (!call.is_open() || !name ||
                                          text::fold_name(*name) == text::fold_name(caller->name));
  if (is_own) co_return co_await end_session(call, std::move(*caller->session));
  if (name) co_return co_await leave_by_name(call, std::move(*name));
  co_return fail_field("userName", "required",
                       "Say who you are: the field userName, or a login's token.");
}

}  // namespace

Answering logout(Call& call, const json::Value& body) {
  auto name = optional_string(body, "userName");
  if (!name) return refused(std::move(name.error()));
  return leave(call, std::move(*name));
}

}  // namespace maru::gateway::rest
