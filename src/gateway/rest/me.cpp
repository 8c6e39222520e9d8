// GET /users/me; PATCH /users/me {password, currentPassword?}.
#include "base/log.hpp"
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "gateway/rest/password.hpp"
#include "gateway/rest/password_try.hpp"
#include "gateway/rest/profile.hpp"
#include "text/text.hpp"

namespace maru::gateway::rest {
namespace {

struct PasswordChange {
  UserId user;
  SessionId session;
  std::string name;
  std::string old_hash;  // empty: a guest sets the first one
  Secret password;       // the new one
};

void answer_me(const CallPtr& call) {
  decide(call, Access::kSelf, {}, [call](chat::Snapshot& snapshot, Caller&& caller) {
    answer_profile(call, snapshot, caller.user, caller.user);
  });
}

void store(const CallPtr& call, PasswordChange change, std::string hash) {
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
  Secret password = std::move(change.password);
  const UserId user = change.user;
  hash_password(call, user, std::move(password),
                [call, change = std::move(change)](std::string hash) mutable {
                  store(call, std::move(change), std::move(hash));
                });
}

// A stolen session must not be enough to take the account over, nor to guess its password.
void verify_then_store(const CallPtr& call, PasswordChange change, std::string_view current) {
  PasswordTry tried{
      change.user,     change.name,        text::fold_name(change.name),    clean_password(current),
      change.old_hash, "current_password", "The current password is wrong."};
  try_password(call, std::move(tried), [call, change = std::move(change)](Verification) mutable {
    hash_and_store(call, std::move(change));
  });
}

bool take_change(const CallPtr& call, UserId user) {
  return call->is_let_through(
             call->take(Rate::kPasswordChangesOfUser, RateLimiter::key_of(user))) &&
         call->is_let_through(call->take_of_network(Rate::kLoginsOfIp));
}

void change_password_of(const CallPtr& call, chat::Snapshot& snapshot, const Identity& me,
                        std::string_view raw, const std::optional<Secret>& current) {
  auto password = clean_new_password(raw, me.user_name, "password");
  if (!password) return call->problem(password.error());
  auto user = snapshot.find_user(me.user);
  if (!user) return call->problem(user.error());
  if (!*user) return call->problem(Error{ErrorCode::kUnauthenticated, {}, {}, 0});
  PasswordChange change{me.user, me.session, me.user_name, std::move((*user)->password_hash),
                        std::move(*password)};
  const bool is_first = change.old_hash.empty();
  if (!is_first && !current) {
    return call->problem(Error{ErrorCode::kValidationFailed,
                               "The field currentPassword is required to change a password.",
                               {{"currentPassword", "required"}},
                               0});
  }
  if (!take_change(call, me.user)) return;
  if (is_first) return hash_and_store(call, std::move(change));
  verify_then_store(call, std::move(change), current->view());
}

}  // namespace

void get_me(CallPtr call, const json::Value&) {
  answer_me(call);
}

void change_password(CallPtr call, const json::Value& body) {
  auto password = required_secret(body, "password");
  if (!password) return call->problem(password.error());
  auto current = optional_secret(body, "currentPassword");
  if (!current) return call->problem(current.error());
  decide(call, Access::kSelf, {},
         [call, password = std::move(*password), current = std::move(*current)](
             chat::Snapshot& snapshot, Caller&& caller) mutable {
           change_password_of(call, snapshot, *caller.session, password.view(), current);
         });
}

}  // namespace maru::gateway::rest
