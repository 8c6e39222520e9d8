#include "gateway/rest/call.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/log.hpp"
#include "base/memory.hpp"
#include "chat/quotas.hpp"
#include "gateway/flow.hpp"
#include "gateway/identity/origin_policy.hpp"
#include "gateway/limits/rate_limiter.hpp"
#include "gateway/security_fields.hpp"
#include "wire/documents.hpp"

namespace maru::gateway::rest {
namespace {

std::int64_t whole_seconds(std::int64_t ms) {
  return ms <= 0 ? 1 : (ms + 999) / 1000;
}

// draft-ietf-httpapi-ratelimit-headers, sections 3 and 4.
Fields rate_limit_fields(std::string_view name, std::int64_t quota, std::int64_t window_s,
                         std::int64_t retry_s) {
  const std::string quoted = '"' + std::string(name) + '"';
  return {{"RateLimit-Policy",
           quoted + ";q=" + std::to_string(quota) + ";w=" + std::to_string(window_s)},
          {"RateLimit", quoted + ";r=0;t=" + std::to_string(retry_s)}};
}

// Of a daily quota that the core holds (chat/quotas.hpp): its rule names it.
Fields quota_fields(const Error& error) {
  std::string name = error.fields.front().code;
  std::ranges::replace(name, '_', '-');
  return rate_limit_fields(name, error.fields.front().limit,
                           whole_seconds(chat::Quotas().window_ms),
                           whole_seconds(error.retry_after_ms));
}

constexpr const char* kExposedFields =
    "X-Request-Id, X-First-Sequence, X-Last-Sequence, X-Has-More, Retry-After, RateLimit, "
    "RateLimit-Policy";

}  // namespace

void add_common_fields(net::HttpResponse& response, const Context& context,
                       const net::RequestHead& head, std::string_view request_id) {
  response.set("X-Request-Id", std::string(request_id));
  response.set("Cache-Control", "no-store");
  add_security_fields(response.fields, head);
  bool is_cross_origin = false;
  for (auto& [name, value] : context.origins.cors_fields(head)) {
    is_cross_origin = is_cross_origin || name == "Access-Control-Allow-Origin";
    response.set(std::move(name), std::move(value));
  }
  if (is_cross_origin) response.set("Access-Control-Expose-Headers", kExposedFields);
}

Call::Call(Services& services, net::RequestHead&& head, std::string request_id,
           std::size_t operation, Respond respond, Gone gone)
    : Request(services.context),
      services_(services),
      head_(std::move(head)),
      request_id_(std::move(request_id)),
      operation_(operation),
      respond_(std::move(respond)),
      gone_(std::move(gone)),
      credentials_(credentials_of(head_, services_.context.options)),
      drops_cookie_(credentials_.has_broken_cookie),
      started_(std::chrono::steady_clock::now()) {}

Call::~Call() {
  if (!respond_) return;
  if (is_aborted()) {
    services_.counters.aborted();
    return;
  }
  services_.counters.dropped();
  const bool answered = memory::survive([this] {
    problem_fields_.clear();
    problem(stopping());
  });
  if (answered || !respond_) return;
  [[maybe_unused]] const bool bare = memory::survive([this] {
    net::HttpResponse response;
    response.status = 503;
    respond_(std::move(response));
  });
}

void Call::answer(Answer answer) {
  assert(respond_ && "a call is answered once");
  if (!respond_) return;
  net::HttpResponse response;
  response.status = answer.status;
  response.content_type = std::move(answer.content_type);
  response.body = std::move(answer.body);
  lease_.resize(response.body.capacity());
  response.lease = std::move(lease_);
  add_common_fields(response, context(), head_, request_id_);
  response.set("Content-Security-Policy", std::move(answer.content_security_policy));
  for (auto& [name, value] : answer.fields) response.set(std::move(name), std::move(value));
  const auto spent = std::chrono::steady_clock::now() - started_;
  services_.counters.call_answered(
      operation_, response.status,
      std::chrono::duration_cast<std::chrono::microseconds>(spent).count());
  std::exchange(respond_, nullptr)(std::move(response));
  turn_.end();
}

void Call::problem(const Error& error) {
  if (error.code == ErrorCode::kInternal) {
    log::error("request_failed", {{"request_id", request_id_}, {"detail", error.detail}});
  }
  Answer problem;
  problem.status = wire::http_status(error.code);
  problem.content_type = "application/problem+json";
  json::Writer writer(problem.body);
  wire::write_problem(writer, error, request_id_);
  problem.fields = std::move(problem_fields_);
  if (error.code == ErrorCode::kRateLimited && problem.fields.empty() && !error.fields.empty()) {
    problem.fields = quota_fields(error);
  }
  if (error.code == ErrorCode::kUnauthenticated) {
    problem.fields.emplace_back("WWW-Authenticate", "Bearer");
    if (drops_cookie_) {
      problem.fields.emplace_back("Set-Cookie", clear_cookie_field(head_.secure));
    }
  }
  if (error.retry_after_ms != 0) {
    problem.fields.emplace_back("Retry-After", std::to_string(whole_seconds(error.retry_after_ms)));
  }
  answer(std::move(problem));
}

Result<void> Call::take(Rate rate, std::uint64_t key) {
  if (context().limiter.take(rate, key, 0) == 0) return {};
  return refuse_rate({rate, key});
}

Result<void> Call::take_of_network(Rate rate) {
  const NetworkTolls tolls = tolls_of_network(rate, head_.peer_address);
  const auto taken = context().limiter.take_all(tolls.span(), 0);
  if (taken.refused == nullptr) return {};
  return refuse_rate(*taken.refused);
}

Result<std::int64_t> Call::pay(const Tolls& tolls, const UserId& actor) {
  const auto [wait, refusing] =
      context().limiter.take_all(tolls.span(), context().options.rate_delay_max_ms);
  if (refusing != nullptr) return refuse_rate(*refusing, actor);
  return wait;
}

Task<void> Call::delay(std::int64_t delay_ms) {
  co_await later(*this, delay_ms);
}

void Call::audit(std::string_view event, const UserId& user, const ChatId& chat) const {
  log::audit(event, {{"user", user.hex()},
                     {"chat", chat.hex()},
                     {"ip", head_.peer_address},
                     {"request_id", request_id_}});
}

std::unexpected<Error> Call::refuse_rate(const Toll& toll, const UserId& actor) {
  const auto [per_second, burst] = policy_of(toll.rate, context().options);
  const std::int64_t retry_ms = std::max<std::int64_t>(context().limiter.retry_after_ms(toll), 1);
  const char* const limit = name_of(toll.rate);
  log::audit_repeated("audit_rate_limited",
                      {{"limit", limit}, {"network", network_of(head_.peer_address)}},
                      {{"limit", limit},
                       {"user", actor.is_zero() ? std::string() : actor.hex()},
                       {"ip", head_.peer_address},
                       {"request_id", request_id_}});
  add_to_problem(rate_limit_fields(
      limit, static_cast<std::int64_t>(burst * toll.width),
      whole_seconds(static_cast<std::int64_t>(burst / std::max(per_second, 1e-6) * 1000)),
      whole_seconds(retry_ms)));
  return std::unexpected(Error{ErrorCode::kRateLimited,
                               "Too many requests of this kind; try again later.",
                               {},
                               as_retry_after(retry_ms)});
}

std::unexpected<Error> Call::refuse_read() {
  services_.counters.read_refused();
  constexpr std::int64_t kRetryMs = 1'000;
  return std::unexpected(
      Error{ErrorCode::kRateLimited,
            "Too many requests of this kind at once; wait for the answers of the others.",
            {},
            kRetryMs});
}

std::unexpected<Error> Call::login_delayed(std::int64_t delay_ms) {
  log::audit_repeated("audit_login_delayed",
                      {{"limit", ""}, {"network", network_of(head_.peer_address)}},
                      {{"ip", head_.peer_address}, {"request_id", request_id_}});
  add_to_problem(
      rate_limit_fields("failed-logins", 1, whole_seconds(delay_ms), whole_seconds(delay_ms)));
  return std::unexpected(Error{ErrorCode::kRateLimited,
                               "Too many failed logins; try again later.",
                               {},
                               as_retry_after(delay_ms)});
}

}  // namespace maru::gateway::rest
