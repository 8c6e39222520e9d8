// GET /users/me; PATCH /users/me {password, currentPassword?}.
#include "base/log.hpp"
#include "gateway/hasher.hpp"
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "gateway/rest/password.hpp"
#include "gateway/rest/profile.hpp"
#include "gateway/rest/session_opening.hpp"
#include "text/text.hpp"

namespace maru::gateway::rest {
namespace {

struct PasswordChange {
  UserId user;
  SessionId session;
  std::string name;
  std::string old_hash;  // empty: a guest sets the first one
  std::string password;
};

void answer_me(const CallPtr& call) {
  decide(call, Access::kSelf, {}, [call](chat::Snapshot& snapshot, Caller&& caller) {
    answer_profile(call, snapshot, caller.user);
  });
}

Error too_busy() {
  return Error{ErrorCode::kOverloaded, "Too many password changes at once; try again.", {}, 2'000};
}

void store(const CallPtr& call, PasswordChange change, std::string hash) {
  if (hash.empty()) {
    return call->problem(
        Error{ErrorCode::kUnavailable, "There is no memory for it now; try again.", {}, 2'000});
  }
  const UserId user = change.user;
  submit(call, chat::SetPassword{user, change.session, std::move(change.old_hash), std::move(hash)},
         [call, user](chat::ReplyBody&&) {
           log::audit("audit_password_changed", {{"user", user.hex()},
                                                 {"ip", call->head().peer_address},
                                                 {"request_id", call->request_id()}});
           answer_me(call);
         });
}

void hash_and_store(const CallPtr& call, PasswordChange change) {
  std::string password = change.password;
  const bool queued = call->context().hasher.hash(
      std::move(password), [call, change = std::move(change)](std::string hash) mutable {
        store(call, std::move(change), std::move(hash));
      });
  if (!queued) call->problem(too_busy());
}

// A stolen session must not be enough to take the account over, nor to guess its password.
void verify_then_store(const CallPtr& call, PasswordChange change, std::string current) {
  const std::uint64_t key = account_key(text::fold_name(change.name));
  RateLimiter& limiter = call->context().limiter;
  if (const std::int64_t delay = limiter.login_delay_ms(key); delay > 0) {
    return call->login_delayed(delay);
  }
  std::string old_hash = change.old_hash;
  const bool queued = call->context().hasher.verify(
      std::move(current), std::move(old_hash),
      [call, key, change = std::move(change)](Verified verified) mutable {
        if (verified == Verified::kNo) {
          call->context().limiter.login_failed(key);
          log::audit("audit_login_failed", {{"user", change.user.hex()},
                                            {"reason", "current_password"},
                                            {"ip", call->head().peer_address},
                                            {"request_id", call->request_id()}});
          return call->problem(
              Error{ErrorCode::kInvalidCredentials, "The current password is wrong.", {}, 0});
        }
        call->context().limiter.login_succeeded(key);
        hash_and_store(call, std::move(change));
      });
  if (!queued) call->problem(too_busy());
}

void change_password_of(const CallPtr& call, chat::Snapshot& snapshot, const Identity& me,
                        const std::string& raw, std::optional<std::string> current) {
  auto password = clean_new_password(raw, me.user_name, "password");
  if (!password) return call->problem(password.error());
  auto user = snapshot.find_user(me.user);
  if (!user) return call->problem(user.error());
  if (!*user) return call->problem(Error{ErrorCode::kUnauthenticated, {}, {}, 0});
  PasswordChange change{me.user, me.session, me.user_name, std::move((*user)->password_hash),
                        std::move(*password)};
  if (change.old_hash.empty()) return hash_and_store(call, std::move(change));
  if (!current) {
    return call->problem(Error{ErrorCode::kValidationFailed,
                               "The field currentPassword is required to change a password.",
                               {{"currentPassword", "required"}},
                               0});
  }
  verify_then_store(call, std::move(change), clean_password(*current));
}

}  // namespace

void get_me(CallPtr call, const json::Value&) {
  answer_me(call);
}

void change_password(CallPtr call, const json::Value& body) {
  auto password = required_string(body, "password");
  if (!password) return call->problem(password.error());
  auto current = optional_string(body, "currentPassword");
  if (!current) return call->problem(current.error());
  decide(call, Access::kSelf, {},
         [call, password = std::move(*password), current = std::move(*current)](
             chat::Snapshot& snapshot, Caller&& caller) mutable {
           change_password_of(call, snapshot, *caller.session, password, std::move(current));
         });
}

}  // namespace maru::gateway::rest
