// An answer as bytes (RFC 9112). Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/shared_bytes.hpp"
#include "net/http.hpp"

namespace maru::net {

struct ResponseContext {
  bool head_only = false;  // answers HEAD
  bool http_1_1 = true;
  bool close = false;  // the connection ends after it
  std::string_view date;
  std::int64_t keep_alive_s = 0;  // 0: not said
};

// Line breaks and other control characters in fields become spaces, so that no value can add a
// field of its own.
SharedBytes serialize_response(const HttpResponse& response, const ResponseContext& context);

// The 101 of a WebSocket handshake. `protocol` may be empty.
SharedBytes serialize_switching(std::string_view date, std::string_view accept_value,
                                std::string_view protocol,
                                const std::vector<std::pair<std::string, std::string>>& fields);

// An answer of this folder's own, for requests that no handler sees: a problem (RFC 9457) of the
// shape that wire/ writes, by a template. `detail` is plain ASCII without quotes.
HttpResponse make_problem(int status, std::string_view detail);
// In place of an answer that there is no memory for: 503, to be tried again. Those of its `fields`
// that let a page of another origin read it are kept.
HttpResponse make_overloaded(const std::vector<std::pair<std::string, std::string>>& fields);

}  // namespace maru::net
