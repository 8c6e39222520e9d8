#include "gateway/rest/password_try.hpp"

#include <utility>

#include "base/log.hpp"
#include "gateway/limits/known_networks.hpp"
#include "gateway/limits/login_guard.hpp"
#include "gateway/limits/rate_limiter.hpp"

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

auto verify(Call& call, HashShare share, Secret password, std::string hash) {
  return called_back<Result<Verification>>(
      [&call, share, password = std::move(password), hash = std::move(hash)](
          Giver<Result<Verification>> give) mutable -> std::optional<Result<Verification>> {
        const bool queued = call.context().hasher.verify(
            share, std::move(password), std::move(hash),
            [give = std::move(give)](Verification verification) mutable {
              give(std::move(verification));
            });
        if (queued) return std::nullopt;
        return Result<Verification>(std::unexpected(too_busy()));
      });
}

// Until the failure is durable, so that a restart gives out no guess again.
auto count_failure(Call& call, const LoginGuard::Attempt& attempt) {
  return called_back<bool>([&call, &attempt](Giver<bool> give) -> std::optional<bool> {
    call.context().logins.failed(attempt, [give = std::move(give)]() mutable { give(true); });
    return std::nullopt;
  });
}

}  // namespace

void log_failed_login(const Call& call, std::string_view name, std::string_view reason) {
  constexpr unsigned kInFull = 5;
  const std::string& ip = call.head().peer_address;
  log::audit_repeated(
      "audit_login_failed", {{"reason", ""}, {"network", network_of(ip)}, kInFull},
      {{"user_name", name}, {"reason", reason}, {"ip", ip}, {"request_id", call.request_id()}});
}

Task<Result<Verification>> try_password(Call& call, PasswordTry tried) {
  LoginGuard& guard = call.context().logins;
  const HashShare share = share_of(call, tried.user);
  const LoginGuard::Attempt attempt = guard.begin(
      tried.folded, call.head().peer_address,
      share == HashShare::kKnown ? LoginGuard::From::kKnownNetwork : LoginGuard::From::kAnywhere);
  if (attempt.delay_ms > 0) co_return call.login_delayed(attempt.delay_ms);
  const Place place = take_place(call, tried.user, share);
  if (place.wait_ms < 0) {
    guard.not_tried(attempt);
    co_return call.refuse_rate(kStrangers);
  }
  co_await later(call, place.wait_ms);
  Result<Verification> verification =
      co_await verify(call, place.share, std::move(tried.password), std::move(tried.hash));
  if (!verification) {
    // Nobody looked at the password: it was no failure.
    guard.not_tried(attempt);
    co_return verification;
  }
  if (verification->matches) {
    guard.succeeded(attempt);
    call.context().known_networks.remember(tried.user, call.head().peer_address);
    co_return verification;
  }
  log_failed_login(call, tried.name, tried.reason);
  co_await count_failure(call, attempt);
  co_return fail(ErrorCode::kInvalidCredentials, tried.detail);
}

Task<Result<std::string>> hash_password(Call& call, UserId user, Secret password) {
  const Place place = take_place(call, user, share_of(call, user));
  if (place.wait_ms < 0) co_return call.refuse_rate(kStrangers);
  co_await later(call, place.wait_ms);
  Result<std::string> hash = co_await called_back<Result<std::string>>(
      [&](Giver<Result<std::string>> give) -> std::optional<Result<std::string>> {
        const bool queued = call.context().hasher.hash(
            place.share, std::move(password),
            [give = std::move(give)](std::string made) mutable { give(std::move(made)); });
        if (queued) return std::nullopt;
        return Result<std::string>(std::unexpected(too_busy()));
      });
  if (!hash || !hash->empty()) co_return hash;
  co_return std::unexpected(
      Error{ErrorCode::kUnavailable, "There is no memory for it now; try again.", {}, 2'000});
}

}  // namespace maru::gateway::rest
