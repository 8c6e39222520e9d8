#include "endpoint/http_answers.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "json/writer.hpp"

namespace maru::endpoint {
namespace {

// Also on an upgrade, where the reference has 400 for all (quality.md 1, row 1).
int status_of(EngineError error) {
  return error == EngineError::kForbidden ? 403 : 400;
}

net::HttpResponse make_answer(int status, std::string_view content_type, std::string body,
                              Fields fields) {
  net::HttpResponse response;
  response.status = status;
  response.content_type = content_type;
  response.body = std::move(body);
  response.fields = std::move(fields);
  return response;
}

}  // namespace

std::string_view message_of(EngineError error) {
  switch (error) {
    case EngineError::kTransportUnknown:
      return "Transport unknown";
    case EngineError::kSessionUnknown:
      return "Session ID unknown";
    case EngineError::kBadMethod:
      return "Bad handshake method";
    case EngineError::kBadRequest:
      return "Bad request";
    case EngineError::kForbidden:
      return "Forbidden";
    case EngineError::kUnsupportedVersion:
      break;
  }
  return "Unsupported protocol version";
}

net::HttpResponse error_answer(EngineError error, Fields fields, std::string_view message) {
  std::string body = R"({"code":)" + std::to_string(static_cast<int>(error)) + R"(,"message":")";
  json::append_escaped(body, message.empty() ? message_of(error) : message);
  body += R"("})";
  return make_answer(status_of(error), "application/json", std::move(body), std::move(fields));
}

net::HttpResponse upgrade_error_answer(EngineError error, Fields fields, std::string_view message) {
  net::HttpResponse response =
      make_answer(status_of(error), "text/html",
                  std::string(message.empty() ? message_of(error) : message), std::move(fields));
  response.close = true;
  return response;
}

net::HttpResponse empty_answer(int status, Fields fields) {
  return make_answer(status, {}, {}, std::move(fields));
}

net::HttpResponse unavailable_answer(Fields fields) {
  net::HttpResponse response = empty_answer(503, std::move(fields));
  response.set("Retry-After", "5");
  return response;
}

net::HttpResponse payload_answer(std::string payload, Fields fields) {
  net::HttpResponse response =
      make_answer(200, "text/plain; charset=UTF-8", std::move(payload), std::move(fields));
  response.set("cache-control", "no-store");
  return response;
}

net::HttpResponse ok_answer(Fields fields) {
  net::HttpResponse response = make_answer(200, "text/html", "ok", std::move(fields));
  response.set("cache-control", "no-store");
  return response;
}

bool allows_origin(const Fields& fields) {
  return std::ranges::any_of(fields, [](const auto& field) {
    return equals_ignoring_case(field.first, "access-control-allow-origin");
  });
}

net::HttpResponse preflight_answer(const net::RequestHead& head, Fields fields) {
  net::HttpResponse response = empty_answer(204, std::move(fields));
  response.set("Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE");
  const auto vary = std::ranges::find_if(
      response.fields, [](const auto& field) { return equals_ignoring_case(field.first, "vary"); });
  if (vary == response.fields.end()) {
    response.set("Vary", "Access-Control-Request-Headers");
  } else {
    vary->second += ", Access-Control-Request-Headers";
  }
  const std::string_view requested = head.field("access-control-request-headers");
  if (!requested.empty()) response.set("Access-Control-Allow-Headers", std::string(requested));
  return response;
}

}  // namespace maru::endpoint
