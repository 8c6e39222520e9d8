#include "gateway/rest/router.hpp"

#include <algorithm>
#include <cassert>
#include <optional>

#include "base/ascii.hpp"
#include "base/secret.hpp"
#include "gateway/fields.hpp"
#include "gateway/identity/origin_policy.hpp"
#include "wire/documents.hpp"

namespace maru::gateway::rest {
namespace {

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

bool needs_session(const Operation& operation, const GatewayOptions& options) {
  if (operation.access == Access::kPublic) return false;
  return operation.access == Access::kSelf || options.auth == AuthMode::kAccounts;
}

// What to answer without looking at the body, if anything.
std::optional<Error> early_refusal(const net::RequestHead& head, const RouteMatch& match,
                                   const Context& context) {
  if (!context.origins.allows(head)) {
    return Error{ErrorCode::kForbidden, "This Origin is not allowed to use the server.", {}, 0};
  }
  if (head.method == net::Method::kOptions) return std::nullopt;
  if (!match.path_found) return Error{ErrorCode::kNotFound, "There is no such path.", {}, 0};
  if (match.operation == nullptr) {
    return Error{ErrorCode::kMethodNotAllowed, "This path is not served with that method.", {}, 0};
  }
  if (needs_session(*match.operation, context.options)) {
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

// What a client can put right; not what the server could not do, nor whose turn it is.
bool is_about_the_request(ErrorCode code) {
  const int status = wire::http_status(code);
  return status >= 400 && status < 500 && code != ErrorCode::kUnauthenticated &&
         code != ErrorCode::kRateLimited;
}

// The call from here to its answer. Where only somebody with a session may hear what is wrong with
// a request, they are looked for first: what a call checks before it asks the store (ids, bodies)
// tells a dead session nothing.
Task<void> serve(CallPtr call, std::optional<Access> judged_by, Answering answering) {
  Result<Answer> answer = co_await std::move(answering);
  if (answer) co_return call->answer(std::move(*answer));
  if (judged_by && !call->is_identified() && is_about_the_request(answer.error().code)) {
    const Result<Caller> caller = co_await known(*call, Asks(*judged_by));
    if (!caller) {
      call->add_to_problem({});  // what is about the request tells them nothing either
      co_return call->problem(caller.error());
    }
  }
  call->problem(answer.error());
}

}  // namespace

Router::Router(Services& services) : services_(services), next_id_(0) {
  services_.context.random(reinterpret_cast<std::uint8_t*>(&next_id_), sizeof next_id_);
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

CallPtr Router::make_call(net::RequestHead&& head, std::size_t operation, Call::Respond respond,
                          Call::Gone gone) {
  return std::make_unique<Call>(services_, std::move(head), next_request_id(), operation,
                                std::move(respond), std::move(gone));
}

Router::Verdict Router::on_head(const net::RequestHead& head, Call::Respond respond) {
  const RouteMatch match = match_route(head.method, head.path());
  if (auto refusal = early_refusal(head, match, services_.context)) {
    Fields fields;
    if (refusal->code == ErrorCode::kMethodNotAllowed) fields.emplace_back("Allow", match.allow);
    const CallPtr call = make_call(
        net::RequestHead(head), match.operation != nullptr ? match.index : Counters::kNoOperation,
        std::move(respond));
    call->add_to_problem(std::move(fields));
    call->problem(*refusal);
    return {false, 0};
  }
  if (match.operation == nullptr) return {true, 0};
  const Route& route = match.operation->call;
  return {true, route.body_bytes_max, route.lane == chat::Lane::kBulk};
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
  CallPtr call =
      make_call(std::move(head), match.operation != nullptr ? match.index : Counters::kNoOperation,
                std::move(respond), std::move(gone));
  if (is_options) return call->answer(preflight(call->head(), match));
  for (std::size_t i = 0; i < match.parameters.size(); ++i) {
    call->set_parameter(i, std::move(match.parameters[i]));
  }
  assert(match.operation != nullptr && "on_head() refuses what has no route");
  const Operation& operation = *match.operation;
  const Route& route = operation.call;
  if (route.body == Body::kNone || (route.body == Body::kOptional && body.empty())) {
    Answering answering = route.handler(*call, json::Value());
    return start(std::move(call), operation, std::move(answering));
  }
  if (!is_plain) {
    call->add_to_problem({{"Accept-Encoding", "identity"}});
    return start(std::move(call), operation, refused(unsupported_coding()));
  }
  if (!is_json) return start(std::move(call), operation, refused(unsupported_type()));
  Answering answering = read_body(route, *call, body);
  parser_.forget();
  start(std::move(call), operation, std::move(answering));
}

Answering Router::read_body(const Route& route, Call& call, const std::string& body) {
  const auto value = parser_.parse(body);
  if (!value) return refused(value.error());
  auto object = require_object(*value, "body");
  if (!object) return refused(std::move(object.error()));
  return route.handler(call, *value);
}

void Router::start(CallPtr call, const Operation& operation, Answering answering) {
  std::optional<Access> judged_by;
  if (needs_session(operation, services_.context.options)) judged_by = operation.access;
  services_.tasks.start(serve(std::move(call), judged_by, std::move(answering)));
}

void Router::on_body_too_large(const net::RequestHead& head, Call::Respond respond) {
  const RouteMatch match = match_route(head.method, head.path());
  const auto limit =
      static_cast<std::int64_t>(match.operation ? match.operation->call.body_bytes_max : 0U);
  CallPtr call = make_call(net::RequestHead(head),
                           match.operation != nullptr ? match.index : Counters::kNoOperation,
                           std::move(respond));
  const Error refusal{ErrorCode::kPayloadTooLarge,
                      "The body is larger than this call takes.",
                      {{"body", "too_long", limit}},
                      0};
  if (match.operation == nullptr) return call->problem(refusal);
  start(std::move(call), *match.operation, refused(refusal));
}

}  // namespace maru::gateway::rest
