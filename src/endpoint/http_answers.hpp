// The HTTP answers of an Engine.IO server, byte by byte as clients know them (protocol.md 1.2, 1.4,
// 1.5). `fields` are added to each (CORS). Any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http.hpp"

namespace maru::endpoint {

using Fields = std::vector<std::pair<std::string, std::string>>;

enum class EngineError : std::uint8_t {
  kTransportUnknown,
  kSessionUnknown,
  kBadMethod,
  kBadRequest,
  kForbidden,
  kUnsupportedVersion,
};
std::string_view message_of(EngineError error);

// {"code":…,"message":…}; `message` empty: the usual one.
net::HttpResponse error_answer(EngineError error, Fields fields, std::string_view message = {});
// To a request with Upgrade: the message as it is (empty: the usual one); the connection ends.
net::HttpResponse upgrade_error_answer(EngineError error, Fields fields,
                                       std::string_view message = {});
net::HttpResponse empty_answer(int status, Fields fields);
net::HttpResponse unavailable_answer(Fields fields);  // 503: later, or another server
net::HttpResponse payload_answer(std::string payload, Fields fields);  // to a GET
net::HttpResponse ok_answer(Fields fields);                            // to a POST

// Whether the application has CORS on for this request.
bool allows_origin(const Fields& fields);
// 204 to an OPTIONS request, where CORS is on.
net::HttpResponse preflight_answer(const net::RequestHead& head, Fields fields);

}  // namespace maru::endpoint
