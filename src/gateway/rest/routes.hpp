// The table of REST calls: method, path, who may call, what body. One place to see them all.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "gateway/rest/call.hpp"
#include "gateway/rest/flow.hpp"
#include "json/reader.hpp"

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
  net::Method method;
  std::string_view path;  // without /api; ":name" stands for one segment
  Mount mount;
  Access access;
  Body body;
  std::size_t body_bytes_max;
  // kBulk: read_much(); a client that ends its side of the stream is taken to be gone, so that
  // nothing is read for it.
  chat::Lane lane;
  Handler handler;
};

std::span<const Route> routes();
// As the metrics call it: "GET", "/users/:userId". For an index past the table "none" and "none".
struct RouteName {
  std::string_view method;
  std::string_view path;
};
RouteName route_name(std::size_t index);

// A path against the table.
struct RouteMatch {
  bool path_found = false;
  const Route* route = nullptr;  // null: no such path, or not with this method
  std::size_t index = 0;         // in routes()
  std::array<std::string, Call::kParametersMax> parameters;
  std::string allow;  // "GET, HEAD, OPTIONS", when the path was found
};
RouteMatch match_route(net::Method method, std::string_view path);

}  // namespace maru::gateway::rest
