// Which operation a method and a path mean.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "gateway/operations.hpp"

namespace maru::gateway::rest {

// As the metrics call it: "GET", "/users/:userId". For an operation without a call, or none, "none"
// and "none".
struct RouteName {
  std::string_view method;
  std::string_view path;
};
RouteName route_name(std::size_t operation);

// A path against the table.
struct RouteMatch {
  bool path_found = false;
  const Operation* operation = nullptr;  // null: no such path, or not with this method
  std::size_t index = 0;                 // in operations()
  std::array<std::string, Call::kParametersMax> parameters;
  std::string allow;  // "GET, HEAD, OPTIONS", when the path was found
};
RouteMatch match_route(net::Method method, std::string_view path);

}  // namespace maru::gateway::rest
