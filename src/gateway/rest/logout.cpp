// POST /users/logout {userName?}: ends the session; in open mode without one, the named user goes
// offline.
#include "base/log.hpp"
#include "fanout/presence/presence.hpp"
#include "gateway/rate_limiter.hpp"
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

void answer_logged_out(const CallPtr& call, const UserId& user) {
  log_logout(*call, user);
  Answer answer = json_answer(R"({"message":"Logout successful"})");
  answer.fields.emplace_back("Set-Cookie", clear_cookie_field(call->head().secure));
  call->answer(std::move(answer));
}

void end_session(const CallPtr& call, const Identity& identity) {
  const UserId user = identity.user;
  submit_raw(call, chat::RevokeSession{user, identity.session, call->is_open()},
             [call, user](chat::Reply&& reply) {
               // Somebody was faster: it has ended all the same.
               if (!reply && reply.error().code != ErrorCode::kNotFound) {
                 return call->problem(reply.error());
               }
               if (call->is_open()) call->context().presence.user_logged_out(user);
               answer_logged_out(call, user);
             });
}

// Open mode: the name is all there is.
void leave_by_name(const CallPtr& call, chat::Snapshot& snapshot, std::string_view raw_name) {
  const std::string name = text::given_user_name(raw_name);
  if (name.empty()) return call->problem(text::clean_user_name(raw_name).error());
  const auto user = snapshot.find_user_by_name(text::fold_name(name));
  if (!user) return call->problem(user.error());
  if (!*user || (*user)->deleted_at) {
    return call->problem(no_such_user("userName").error());
  }
  if (!(*user)->password_hash.empty()) {
    return call->problem(Error{ErrorCode::kUnauthenticated,
                               "This user has a password: calls that name it need its token.",
                               {},
                               0});
  }
  call->context().presence.user_logged_out((*user)->id);
  answer_logged_out(call, (*user)->id);
}

}  // namespace

void logout(CallPtr call, const json::Value& body) {
  auto name = optional_string(body, "userName");
  if (!name) return call->problem(name.error());
  decide(call, Access::kReader, {},
         [call, name = std::move(*name)](chat::Snapshot& snapshot, Caller&& caller) {
           if (caller.session) {
             // In open mode another's name in the body is believed, but ends no session.
             const bool is_own = !call->is_open() || !name ||
                                 text::fold_name(*name) == text::fold_name(caller.name);
             if (is_own) return end_session(call, *caller.session);
           }
           if (!name) {
             return call->problem(Error{ErrorCode::kValidationFailed,
                                        "Say who you are: the field userName, or a login's token.",
                                        {{"userName", "required"}},
                                        0});
           }
           leave_by_name(call, snapshot, *name);
         });
}

}  // namespace maru::gateway::rest
