#include "gateway/rest/password_try.hpp"

#include "base/log.hpp"
#include "gateway/login_guard.hpp"

namespace maru::gateway::rest {
namespace {

Error too_busy() {
  return Error{ErrorCode::kOverloaded, "Too many passwords at once; try again.", {}, 2'000};
}

}  // namespace

void try_password(const CallPtr& call, PasswordTry tried,
                  std::move_only_function<void(Verification)> then) {
  LoginGuard& logins = call->context().logins;
  const LoginGuard::Attempt attempt = logins.begin(tried.folded, call->head().peer_address);
  if (attempt.delay_ms > 0) return call->login_delayed(attempt.delay_ms);
  if (!call->take(Rate::kPasswordHashes, 0)) return logins.not_tried(attempt);
  const bool queued = call->context().hasher.verify(
      std::move(tried.password), std::move(tried.hash),
      [call, attempt, name = std::move(tried.name), reason = std::move(tried.reason),
       detail = std::move(tried.detail),
       then = std::move(then)](Verification verification) mutable {
        LoginGuard& guard = call->context().logins;
        if (verification.matches) {
          guard.succeeded(attempt);
          return then(std::move(verification));
        }
        log::audit("audit_login_failed", {{"user_name", name},
                                          {"reason", reason},
                                          {"ip", call->head().peer_address},
                                          {"request_id", call->request_id()}});
        guard.failed(attempt, [call, detail = std::move(detail)] {
          call->services().post([call, detail] {
            call->problem(Error{ErrorCode::kInvalidCredentials, detail, {}, 0});
          });
        });
      });
  if (queued) return;
  // Nobody looked at the password: it was no failure.
  logins.not_tried(attempt);
  call->problem(too_busy());
}

void hash_password(const CallPtr& call, Secret password,
                   std::move_only_function<void(std::string)> then) {
  if (!call->take(Rate::kPasswordHashes, 0)) return;
  const bool queued = call->context().hasher.hash(
      std::move(password), [call, then = std::move(then)](std::string hash) mutable {
        if (!hash.empty()) return then(std::move(hash));
        call->problem(
            Error{ErrorCode::kUnavailable, "There is no memory for it now; try again.", {}, 2'000});
      });
  if (!queued) call->problem(too_busy());
}

}  // namespace maru::gateway::rest
