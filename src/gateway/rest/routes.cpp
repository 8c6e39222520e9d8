#include "gateway/rest/routes.hpp"

#include <algorithm>

namespace maru::gateway::rest {
namespace {

constexpr auto kGet = net::Method::kGet;
constexpr std::size_t kSegmentsMax = 8;

struct Segments {
  std::array<std::string_view, kSegmentsMax> items;
  std::size_t count = 0;
  bool valid = false;

  [[nodiscard]] std::span<const std::string_view> all() const { return {items.data(), count}; }
};

// "/a/b" → a, b; "/" → none. Not valid past kSegmentsMax.
Segments split(std::string_view path) {
  Segments out;
  if (!path.starts_with('/')) return out;
  path.remove_prefix(1);
  while (!path.empty()) {
    if (out.count == kSegmentsMax) return out;
    const std::size_t slash = path.find('/');
    out.items[out.count++] = path.substr(0, slash);
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
    if (path.empty()) {  // a final slash names another, empty segment
      if (out.count == kSegmentsMax) return out;
      out.items[out.count++] = {};
    }
  }
  out.valid = true;
  return out;
}

// How many segments agree word for word; -1 if the path is not of this pattern.
int agreement(std::span<const std::string_view> pattern, std::span<const std::string> path) {
  if (pattern.size() != path.size()) return -1;
  int words = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i].starts_with(':')) {
      if (path[i].empty()) return -1;
    } else if (pattern[i] == path[i]) {
      ++words;
    } else {
      return -1;
    }
  }
  return words;
}

bool is_mounted(Mount mount, bool under_api) {
  return under_api ? mount != Mount::kRootOnly : mount != Mount::kApiOnly;
}

std::string_view name_of(net::Method method) {
  switch (method) {
    case net::Method::kGet:
      return "GET";
    case net::Method::kPost:
      return "POST";
    case net::Method::kPatch:
      return "PATCH";
    case net::Method::kDelete:
      return "DELETE";
    default:
      return "OPTIONS";
  }
}

void take_parameters(const Route& route, std::span<const std::string> path, RouteMatch& match) {
  const Segments pattern = split(route.path);
  std::size_t next = 0;
  for (std::size_t i = 0; i < pattern.count; ++i) {
    if (pattern.items[i].starts_with(':')) match.parameters[next++] = path[i];
  }
}

}  // namespace

RouteName route_name(std::size_t index) {
  const auto all = operations();
  if (index >= all.size() || !all[index].is_call()) return {"none", "none"};
  return {name_of(all[index].call.method), all[index].call.path};
}

RouteMatch match_route(net::Method method, std::string_view path) {
  RouteMatch match;
  const Segments raw = split(path);
  if (!raw.valid) return match;
  std::vector<std::string> segments;
  for (const std::string_view segment : raw.all()) segments.push_back(net::percent_decode(segment));
  const bool under_api = !segments.empty() && segments.front() == "api";
  const std::span<const std::string> rest =
      std::span<const std::string>(segments).subspan(under_api ? 1 : 0);

  // The most literal patterns win for every method: DELETE /users/me is no user's id.
  int best = -1;
  for (const Operation& operation : operations()) {
    const Route& route = operation.call;
    if (!operation.is_call() || !is_mounted(route.mount, under_api)) continue;
    best = std::max(best, agreement(split(route.path).all(), rest));
  }
  if (best < 0) return match;
  match.path_found = true;
  const net::Method wanted = method == net::Method::kHead ? kGet : method;
  for (const Operation& operation : operations()) {
    const Route& route = operation.call;
    if (!operation.is_call() || !is_mounted(route.mount, under_api)) continue;
    if (agreement(split(route.path).all(), rest) != best) continue;
    match.allow += name_of(route.method);
    if (route.method == kGet) match.allow += ", HEAD";
    match.allow += ", ";
    if (route.method != wanted || match.operation != nullptr) continue;
    match.operation = &operation;
    match.index = static_cast<std::size_t>(&operation - operations().data());
    take_parameters(route, rest, match);
  }
  match.allow += "OPTIONS";
  return match;
}

}  // namespace maru::gateway::rest
