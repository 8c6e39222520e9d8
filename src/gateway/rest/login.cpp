// POST /users/login {userName, password?}: a guest by nickname, or an account by its password.
#include "base/log.hpp"
#include "gateway/hasher.hpp"
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "gateway/rest/password.hpp"
#include "gateway/rest/session_opening.hpp"
#include "text/text.hpp"

namespace maru::gateway::rest {
namespace {

// From this many failures on an attempt counts as failed before it is checked, so that guesses sent
// at the same time do not all go through before the first has failed.
constexpr int kFailuresUntilCountedAhead = 3;

void log_failed(const Call& call, std::string_view name, std::string_view reason) {
  log::audit("audit_login_failed", {{"user_name", name},
                                    {"reason", reason},
                                    {"ip", call.head().peer_address},
                                    {"request_id", call.request_id()}});
}

Error wrong_credentials() {
  return Error{ErrorCode::kInvalidCredentials, "The name or the password is wrong.", {}, 0};
}

void log_in_guest(const CallPtr& call, std::string name, std::string folded) {
  OpeningSession opening = make_session(*call);
  chat::OpenGuest command{
      name, std::move(folded),
      call->is_open() ? chat::GuestRule::kSameNameSameUser : chat::GuestRule::kNameMustBeFree,
      std::move(opening.session)};
  submit_raw(call, std::move(command),
             [call, name, token = std::move(opening.token)](chat::Reply&& reply) mutable {
               if (!reply) {
                 log_failed(*call, name, to_string(reply.error().code));
                 return call->problem(reply.error());
               }
               answer_logged_in(call, std::get<chat::LoggedIn>(*reply), std::move(token), 200);
             });
}

struct PasswordLogin {
  std::string name;
  std::string folded;
  std::string password;
  UserId user;
  std::string hash;  // empty: unknown user, or one without a password
};

void open_session(const CallPtr& call, PasswordLogin login, std::string rehashed) {
  OpeningSession opening = make_session(*call);
  chat::OpenSession command{login.user, std::move(login.hash), std::move(rehashed),
                            std::move(opening.session)};
  submit(call, std::move(command),
         [call, token = std::move(opening.token)](chat::ReplyBody&& reply) mutable {
           answer_logged_in(call, std::get<chat::LoggedIn>(reply), std::move(token), 200);
         });
}

// The hasher's thread.
void on_verified(const CallPtr& call, PasswordLogin login, Verified verified, bool counted_ahead) {
  RateLimiter& limiter = call->context().limiter;
  const std::uint64_t key = account_key(login.folded);
  if (verified == Verified::kNo) {
    if (!counted_ahead) limiter.login_failed(key);
    log_failed(*call, login.name, "invalid_credentials");
    return call->problem(wrong_credentials());
  }
  limiter.login_succeeded(key);
  if (verified == Verified::kYes) return open_session(call, std::move(login), {});
  std::string password = login.password;
  const bool queued =
      call->context().hasher.hash(std::move(password), [call, login](std::string hash) mutable {
        open_session(call, std::move(login), std::move(hash));
      });
  // Too busy to renew the hash: the next login will.
  if (!queued) open_session(call, std::move(login), {});
}

// A reader thread.
void verify(const CallPtr& call, PasswordLogin login) {
  RateLimiter& limiter = call->context().limiter;
  const std::uint64_t key = account_key(login.folded);
  if (const std::int64_t delay = limiter.login_delay_ms(key); delay > 0) {
    return call->login_delayed(delay);
  }
  const bool ahead = limiter.login_failures(key) >= kFailuresUntilCountedAhead;
  if (ahead) limiter.login_failed(key);
  std::string password = login.password;
  std::string hash = login.hash;
  const bool queued = call->context().hasher.verify(
      std::move(password), std::move(hash),
      [call, login = std::move(login), ahead](Verified verified) mutable {
        on_verified(call, std::move(login), verified, ahead);
      });
  if (!queued) {
    call->problem(Error{ErrorCode::kOverloaded, "Too many logins at once; try again.", {}, 2'000});
  }
}

void log_in_account(const CallPtr& call, PasswordLogin login) {
  query(call, [call, login = std::move(login)](chat::Snapshot& snapshot) mutable {
    auto user = snapshot.find_user_by_name(login.folded);
    if (!user) return call->problem(user.error());
    if (*user && !(*user)->deleted_at) {
      login.user = (*user)->id;
      login.hash = (*user)->password_hash;
    }
    verify(call, std::move(login));
  });
}

}  // namespace

void login(CallPtr call, const json::Value& body) {
  auto raw_name = required_string(body, "userName");
  if (!raw_name) return call->problem(raw_name.error());
  auto password = optional_string(body, "password");
  if (!password) return call->problem(password.error());
  const bool with_password = password->has_value();
  // In open mode a nickname proves nothing and tells nothing, so only passwords are rationed.
  const Rate rate = with_password ? Rate::kLoginsOfIp : Rate::kRegistersOfIp;
  if (with_password || !call->is_open()) {
    if (!call->take(rate, RateLimiter::key_of(call->head().peer_address))) return;
  }
  auto name = text::clean_user_name(*raw_name);
  if (!name) return call->problem(name.error());
  std::string folded = text::fold_name(*name);
  if (!with_password) return log_in_guest(call, std::move(*name), std::move(folded));
  log_in_account(call, {std::move(*name), std::move(folded), clean_password(**password), {}, {}});
}

}  // namespace maru::gateway::rest
