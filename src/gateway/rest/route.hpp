// A REST call as its front end sees it (gateway/operations.hpp has them all).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "chat/ports/query_pool.hpp"
#include "gateway/rest/call.hpp"
#include "gateway/rest/flow.hpp"
#include "json/reader.hpp"
#include "net/http.hpp"

namespace maru::gateway::rest {

enum class Body : std::uint8_t { kNone, kOptional, kRequired };

// Not itself a coroutine: `body` ends with the call, so it is read at once. Absent if there is
// none. The call outlives what is returned.
using Handler = Answering (*)(Call& call, const json::Value& body);

// Where a path is served. Every call exists under /api; what else is there, too:
enum class Mount : std::uint8_t {
  kApiOnly,
  kApiAndRoot,  // the original's paths, and those of operations
  kRootOnly,
};

struct Route {
  net::Method method = net::Method::kGet;
  std::string_view path;  // without /api; ":name" stands for one segment. Empty: no REST call
  Mount mount = Mount::kApiOnly;
  Body body = Body::kNone;
  std::size_t body_bytes_max = 0;
  // kBulk: read_much(); a client that ends its side of the stream is taken to be gone, so that
  // nothing is read for it.
  chat::Lane lane = chat::Lane::kUrgent;
  Handler handler = nullptr;
};

}  // namespace maru::gateway::rest
