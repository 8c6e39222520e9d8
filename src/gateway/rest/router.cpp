#include "gateway/rest/router.hpp"

#include <algorithm>
#include <cassert>
#include <optional>

#include "base/ascii.hpp"
#include "base/secret.hpp"
#include "gateway/fields.hpp"
#include "gateway/origin_policy.hpp"

namespace maru::gateway::rest {
namespace {

constexpr std::size_t kNoRoute = Counters::kRoutesMax - 1;
constexpr std::size_t kReflectedFieldsMax = 1'024;

// application/json, or another JSON type, with any parameters. What a form or a plain-text request
// of a foreign page can send is none (quality.md 1, row 3).
bool is_json_type(std::string_view type) {
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
  if (equals_ignoring_case(type, "application/json")) return true;
  constexpr std::string_view kPrefix = "application/";
  constexpr std::string_view kSuffix = "+json";
  return type.size() > kPrefix.size() + kSuffix.size() &&
         equals_ignoring_case(type.substr(0, kPrefix.size()), kPrefix) &&
         equals_ignoring_case(type.substr(type.size() - kSuffix.size()), kSuffix);
}

// The body as it is: no call takes one that a coding has packed (RFC 9110, section 8.4).
bool is_plain_coding(std::string_view coding) {
  return coding.empty() || equals_ignoring_case(coding, "identity");
}

bool needs_session(const Route& route, const GatewayOptions& options) {
  if (route.access == Access::kPublic) return false;
  return route.access == Access::kSelf || options.auth == AuthMode::kAccounts;
}

// What to answer without looking at the body, if anything.
std::optional<Error> early_refusal(const net::RequestHead& head, const RouteMatch& match,
                                   const Context& context) {
  if (!context.origins.allows(head)) {
    return Error{ErrorCode::kForbidden, "This Origin is not allowed to use the server.", {}, 0};
  }
  if (head.method == net::Method::kOptions) return std::nullopt;
  if (!match.path_found) return Error{ErrorCode::kNotFound, "There is no such path.", {}, 0};
  if (!match.route) {
    return Error{ErrorCode::kMethodNotAllowed, "This path is not served with that method.", {}, 0};
  }
  if (needs_session(*match.route, context.options)) {
    const Credentials credentials = credentials_of(head, context.options);
    if (credentials.source == TokenSource::kNone) {
      return Error{ErrorCode::kUnauthenticated, "Log in first and send the token.", {}, 0};
    }
    // Nobody is worth no large body (quality.md 1, row 22).
    if (!credentials.is_possible) {
      return Error{ErrorCode::kUnauthenticated, "That is not a token of this server.", {}, 0};
    }
  }
  return std::nullopt;
}

// protocol.md 1.5.
Answer preflight(const net::RequestHead& head, const RouteMatch& match) {
  Answer answer = no_content();
  if (head.field("access-control-request-method").empty()) {
    answer.fields.emplace_back("Allow",
                               match.path_found ? match.allow : "GET, HEAD, POST, OPTIONS");
    return answer;
  }
  answer.fields.emplace_back("Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE");
  const std::string_view wanted = head.field("access-control-request-headers");
  answer.fields.emplace_back("Vary", "Access-Control-Request-Headers");
  if (!wanted.empty() && wanted.size() <= kReflectedFieldsMax) {
    answer.fields.emplace_back("Access-Control-Allow-Headers", wanted);
  }
  answer.fields.emplace_back("Access-Control-Max-Age", "600");
  return answer;
}

Error unsupported_type() {
  return Error{ErrorCode::kUnsupportedMediaType,
               "Send the body as JSON, with the field Content-Type: application/json.",
               {},
               0};
}

Error unsupported_coding() {
  return Error{ErrorCode::kUnsupportedMediaType,
               "Send the body as it is, without a Content-Encoding.",
               {},
               0};
}

std::uint64_t mix(std::uint64_t x) {  // splitmix64's finaliser
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

Router::Router(std::shared_ptr<Services> services) : services_(std::move(services)), next_id_(0) {
  services_->context.random(reinterpret_cast<std::uint8_t*>(&next_id_), sizeof next_id_);
}

std::string Router::next_request_id() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::uint64_t value = mix(next_id_ += 0x9e3779b97f4a7c15ULL);
  std::string id(16, '0');
  for (auto digit = id.rbegin(); digit != id.rend(); ++digit, value >>= 4) {
    *digit = kDigits[value & 15];
  }
  return id;
}

CallPtr Router::make_call(net::RequestHead&& head, std::size_t route, Call::Respond respond,
                          Call::Gone gone) {
  return std::make_shared<Call>(services_, std::move(head), next_request_id(), route,
                                std::move(respond), std::move(gone));
}

Router::Verdict Router::on_head(const net::RequestHead& head, Call::Respond respond) {
  const RouteMatch match = match_route(head.method, head.path());
  if (auto refusal = early_refusal(head, match, services_->context)) {
    Fields fields;
    if (refusal->code == ErrorCode::kMethodNotAllowed) fields.emplace_back("Allow", match.allow);
    make_call(net::RequestHead(head), match.route ? match.index : kNoRoute, std::move(respond))
        ->problem(*refusal, std::move(fields));
    return {false, 0};
  }
  if (!match.route) return {true, 0};
  return {true, match.route->body_bytes_max, match.route->lane == chat::Lane::kBulk};
}

void Router::on_request(net::RequestHead&& head, std::string&& body, Call::Respond respond,
                        Call::Gone gone) {
  // It may carry a password, whatever becomes of it.
  struct Wiping {
    std::string& text;
    ~Wiping() {
      if (!text.empty()) wipe(text);
    }
  } const wiping{body};
  RouteMatch match = match_route(head.method, head.path());
  const bool is_options = head.method == net::Method::kOptions;
  const bool is_json = is_json_type(head.field("content-type"));
  const bool is_plain = is_plain_coding(head.field("content-encoding"));
  const CallPtr call = make_call(std::move(head), match.route ? match.index : kNoRoute,
                                 std::move(respond), std::move(gone));
  if (is_options) return call->answer(preflight(call->head(), match));
  for (std::size_t i = 0; i < match.parameters.size(); ++i) {
    call->set_parameter(i, std::move(match.parameters[i]));
  }
  assert(match.route && "on_head() refuses what has no route");
  const Route& route = *match.route;
  if (needs_session(route, services_->context.options)) call->judge_identity_first(route.access);
  if (route.body == Body::kNone || (route.body == Body::kOptional && body.empty())) {
    return route.handler(call, json::Value());
  }
  if (!is_plain) return call->problem(unsupported_coding(), {{"Accept-Encoding", "identity"}});
  if (!is_json) return call->problem(unsupported_type());
  if (const auto value = parser_.parse(body); !value) {
    call->problem(value.error());
  } else if (const auto object = require_object(*value, "body"); !object) {
    call->problem(object.error());
  } else {
    route.handler(call, *value);
  }
  parser_.forget();
}

void Router::on_body_too_large(const net::RequestHead& head, Call::Respond respond) {
  const RouteMatch match = match_route(head.method, head.path());
  const auto limit =
      static_cast<std::int64_t>(match.route ? match.route->body_bytes_max : std::size_t{0});
  const CallPtr call =
      make_call(net::RequestHead(head), match.route ? match.index : kNoRoute, std::move(respond));
  if (match.route && needs_session(*match.route, services_->context.options)) {
    call->judge_identity_first(match.route->access);
  }
  call->problem(Error{ErrorCode::kPayloadTooLarge,
                      "The body is larger than this call takes.",
                      {{"body", "too_long", limit}},
                      0});
}

}  // namespace maru::gateway::rest
