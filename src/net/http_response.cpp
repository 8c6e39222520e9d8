#include "net/http_response.hpp"

#include <algorithm>
#include <cstdint>
#include <random>

namespace maru::net {
namespace {

struct Reason {
  int status;
  std::string_view text;
};

constexpr Reason kReasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {413, "Payload Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Entity"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

std::string_view reason_of(int status) {
  const auto* found = std::ranges::find(kReasons, status, &Reason::status);
  return found == std::end(kReasons) ? "Unknown" : found->text;
}

void append_clean(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back((byte < 0x20 && byte != '\t') || byte == 0x7F ? ' ' : c);
  }
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  append_clean(out, name);
  out += ": ";
  append_clean(out, value);
  out += "\r\n";
}

// The stable codes of the REST API, as far as requests that nobody reads can have them.
struct ProblemCode {
  std::string_view code;
  std::string_view title;
};

ProblemCode problem_code(int status) {
  switch (status) {
    case 413:
    case 431:
      return {"payload_too_large", "The request is too large"};
    case 500:
      return {"internal", "Internal error"};
    case 503:
      return {"overloaded", "The server is overloaded"};
    default:
      return {"validation_failed", "The request is not valid HTTP"};
  }
}

// Names the answer in a report; it is no secret.
std::string random_id() {
  static constexpr char kDigits[] = "0123456789abcdef";
  thread_local std::mt19937_64 random{std::random_device{}()};
  std::string id;
  for (std::uint64_t bits = random(); id.size() < 16; bits >>= 4) id += kDigits[bits & 0xF];
  return id;
}

}  // namespace

SharedBytes serialize_response(const HttpResponse& response, const ResponseContext& context) {
  std::string head;
  head.reserve(512);
  head += "HTTP/1.1 ";
  head += std::to_string(std::clamp(response.status, 100, 999));
  head += ' ';
  head += reason_of(response.status);
  head += "\r\n";
  append_field(head, "Date", context.date);
  if (!response.content_type.empty()) append_field(head, "Content-Type", response.content_type);
  for (const auto& [name, value] : response.fields) append_field(head, name, value);
  // RFC 9110, section 8.6: these have no content and do not speak of its length.
  const bool bodyless = response.status < 200 || response.status == 204 || response.status == 304;
  if (!bodyless) append_field(head, "Content-Length", std::to_string(response.body.size()));
  if (context.close) {
    head += "Connection: close\r\n";
  } else if (context.keep_alive_s > 0) {
    head += "Connection: keep-alive\r\n";
    append_field(head, "Keep-Alive", "timeout=" + std::to_string(context.keep_alive_s));
  } else if (!context.http_1_1) {
    head += "Connection: keep-alive\r\n";
  }
  head += "\r\n";
  const std::string_view body =
      bodyless || context.head_only ? std::string_view() : std::string_view(response.body);
  return SharedBytes::build(head.size() + body.size(), [&](char* out) {
    // std::ranges::copy from a string to a pointer goes byte by byte here.
    std::copy_n(head.data(), head.size(), out);
    std::copy_n(body.data(), body.size(), out + head.size());
  });
}

SharedBytes serialize_switching(std::string_view date, std::string_view accept_value,
                                std::string_view protocol,
                                const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string head =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  append_field(head, "Date", date);
  append_field(head, "Sec-WebSocket-Accept", accept_value);
  if (!protocol.empty()) append_field(head, "Sec-WebSocket-Protocol", protocol);
  for (const auto& [name, value] : fields) append_field(head, name, value);
  head += "\r\n";
  return SharedBytes::copy(head);
}

HttpResponse make_problem(int status, std::string_view detail) {
  const auto [code, title] = problem_code(status);
  const std::string id = random_id();
  HttpResponse response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.close = true;
  response.set("X-Request-Id", id);
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Referrer-Policy", "no-referrer");
  response.set("Cache-Control", "no-store");
  response.body = std::string(R"({"type":"urn:maru:problem:)")
                      .append(code)
                      .append(R"(","title":")")
                      .append(title)
                      .append(R"(","status":)")
                      .append(std::to_string(status))
                      .append(R"(,"code":")")
                      .append(code)
                      .append(R"(","detail":")")
                      .append(detail)
                      .append(R"(","requestId":")")
                      .append(id)
                      .append(status == 503 ? R"(","retryable":true,"errors":[],"error":")"
                                            : R"(","retryable":false,"errors":[],"error":")")
                      .append(detail)
                      .append(R"("})");
  return response;
}

HttpResponse make_overloaded(const std::vector<std::pair<std::string, std::string>>& fields) {
  HttpResponse response =
      make_problem(503, "Too many answers wait to be read; read them, or try again.");
  response.close = false;
  response.set("Retry-After", "1");
  for (const auto& [name, value] : fields) {
    if (name.starts_with("Access-Control-") || name == "Vary") response.set(name, value);
  }
  return response;
}

}  // namespace maru::net
