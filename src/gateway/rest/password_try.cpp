#include "gateway/rest/password_try.hpp"

#include <utility>

#include "base/log.hpp"
#include "gateway/known_networks.hpp"
#include "gateway/login_guard.hpp"
#include "gateway/rate_limiter.hpp"

namespace maru::gateway::rest {
namespace {

Error too_busy() {
  return Error{ErrorCode::kOverloaded, "Too many passwords at once; try again.", {}, 2'000};
}

constexpr Toll kStrangers{Rate::kPasswordHashes, 0};

// A place in the hashing: in which share, and how long to wait for it. < 0: refused.
struct Place {
  HashShare share = HashShare::kStrangers;
  std::int64_t wait_ms = 0;
};

Place take_place(const Call& call, UserId user, HashShare share) {
  RateLimiter& limiter = call.context().limiter;
  const std::int64_t wait_max_ms = call.context().options.rate_delay_max_ms;
  if (share == HashShare::kKnown) {
    const Toll tolls[] = {{Rate::kKnownHashesOfAccount, RateLimiter::key_of(user)},
                          {Rate::kKnownPasswordHashes, 0}};
    // An account's own part is not waited for: past it, it is a stranger.
    if (limiter.take(tolls[0], 0) == 0) {
      const std::int64_t wait = limiter.take(tolls[1], wait_max_ms);
      if (wait >= 0) return {HashShare::kKnown, wait};
    }
  }
  return {HashShare::kStrangers, limiter.take(kStrangers, wait_max_ms)};
}

HashShare share_of(const Call& call, UserId user) {
  return call.context().known_networks.contains(user, call.head().peer_address)
             ? HashShare::kKnown
             : HashShare::kStrangers;
}

void go_on_after(const CallPtr& call, std::int64_t wait_ms, Job task) {
  if (wait_ms == 0) return task();
  call->services().post_after(wait_ms, std::move(task));
}

using Verified = std::move_only_function<void(Verification)>;

void on_verified(const CallPtr& call, const LoginGuard::Attempt& attempt, const PasswordTry& tried,
                 Verification verification, Verified& then) {
  LoginGuard& guard = call->context().logins;
  if (verification.matches) {
    guard.succeeded(attempt);
    call->context().known_networks.remember(tried.user, call->head().peer_address);
    return then(std::move(verification));
  }
  log_failed_login(*call, tried.name, tried.reason);
  guard.failed(attempt, [call, detail = tried.detail] {
    call->services().post(
        [call, detail] { call->problem(Error{ErrorCode::kInvalidCredentials, detail, {}, 0}); });
  });
}

void verify(const CallPtr& call, HashShare share, const LoginGuard::Attempt& attempt,
            PasswordTry tried, Verified then) {
  Secret password = std::move(tried.password);
  std::string hash = std::move(tried.hash);
  const bool queued = call->context().hasher.verify(
      share, std::move(password), std::move(hash),
      [call, attempt, tried = std::move(tried),
       then = std::move(then)](Verification verification) mutable {
        on_verified(call, attempt, tried, std::move(verification), then);
      });
  if (queued) return;
  // Nobody looked at the password: it was no failure.
  call->context().logins.not_tried(attempt);
  call->problem(too_busy());
}

}  // namespace

void log_failed_login(const Call& call, std::string_view name, std::string_view reason) {
  constexpr unsigned kInFull = 5;
  const std::string& ip = call.head().peer_address;
  log::audit_repeated(
      "audit_login_failed", {{"reason", ""}, {"network", network_of(ip)}, kInFull},
      {{"user_name", name}, {"reason", reason}, {"ip", ip}, {"request_id", call.request_id()}});
}

void try_password(const CallPtr& call, PasswordTry tried, Verified then) {
  LoginGuard& logins = call->context().logins;
  const HashShare share = share_of(*call, tried.user);
  const LoginGuard::Attempt attempt = logins.begin(
      tried.folded, call->head().peer_address,
      share == HashShare::kKnown ? LoginGuard::From::kKnownNetwork : LoginGuard::From::kAnywhere);
  if (attempt.delay_ms > 0) return call->problem(call->login_delayed(attempt.delay_ms).error());
  const Place place = take_place(*call, tried.user, share);
  if (place.wait_ms < 0) {
    logins.not_tried(attempt);
    return call->problem(call->refuse_rate(kStrangers).error());
  }
  go_on_after(call, place.wait_ms,
              [call, share = place.share, attempt, tried = std::move(tried),
               then = std::move(then)]() mutable {
                verify(call, share, attempt, std::move(tried), std::move(then));
              });
}

void hash_password(const CallPtr& call, UserId user, Secret password,
                   std::move_only_function<void(std::string)> then) {
  const Place place = take_place(*call, user, share_of(*call, user));
  if (place.wait_ms < 0) return call->problem(call->refuse_rate(kStrangers).error());
  go_on_after(
      call, place.wait_ms,
      [call, share = place.share, password = std::move(password),
       then = std::move(then)]() mutable {
        const bool queued = call->context().hasher.hash(
            share, std::move(password), [call, then = std::move(then)](std::string hash) mutable {
              if (!hash.empty()) return then(std::move(hash));
              call->problem(Error{
                  ErrorCode::kUnavailable, "There is no memory for it now; try again.", {}, 2'000});
            });
        if (!queued) call->problem(too_busy());
      });
}

}  // namespace maru::gateway::rest
