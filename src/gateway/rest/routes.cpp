#include "gateway/rest/routes.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "gateway/rest/handlers.hpp"

namespace maru::gateway::rest {
namespace {

using enum Mount;
using enum Access;
using enum chat::Lane;
constexpr auto kGet = net::Method::kGet;
constexpr auto kPost = net::Method::kPost;
constexpr auto kPatch = net::Method::kPatch;
constexpr auto kDelete = net::Method::kDelete;
constexpr std::size_t kBodyMax = limits::kMaxPayloadBytes;
// What may be sent before anybody is known (quality.md 1, row 22), and enough for a password.
constexpr std::size_t kUnknownBodyMax = 8 * 1024;

// clang-format off
constexpr Route kRoutes[] = {
    {kPost,   "/users/login",              kApiAndRoot, kPublic, Body::kRequired, kUnknownBodyMax, kUrgent, login},
    {kPost,   "/users/register",           kApiOnly,    kPublic, Body::kRequired, kUnknownBodyMax, kUrgent, register_user},
    {kPost,   "/users/logout",             kApiAndRoot, kReader, Body::kOptional, kUnknownBodyMax, kUrgent, logout},
    {kGet,    "/users",                    kApiAndRoot, kReader, Body::kNone,     kBodyMax, kBulk,   list_online_users},
    {kGet,    "/users/search",             kApiAndRoot, kReader, Body::kNone,     kBodyMax, kBulk,   search_users},
    {kGet,    "/users/me",                 kApiOnly,    kSelf,   Body::kNone,     kBodyMax, kUrgent, get_me},
    {kPatch,  "/users/me",                 kApiOnly,    kSelf,   Body::kRequired, kUnknownBodyMax, kUrgent, change_password},
    {kGet,    "/users/me/sessions",        kApiOnly,    kSelf,   Body::kNone,     kBodyMax, kUrgent, list_sessions},
    {kDelete, "/users/me/sessions/:id",    kApiOnly,    kSelf,   Body::kNone,     kBodyMax, kUrgent, revoke_session},
    {kGet,    "/users/:userId",            kApiOnly,    kReader, Body::kNone,     kBodyMax, kUrgent, get_user},
    {kGet,    "/chats",                    kApiAndRoot, kReader, Body::kNone,     kBodyMax, kBulk,   list_public_groups},
    {kPost,   "/chats",                    kApiAndRoot, kActor,  Body::kRequired, kBodyMax, kUrgent, create_chat},
    {kGet,    "/chats/one-to-one/:userId", kApiAndRoot, kActor,  Body::kNone,     kBodyMax, kBulk,   list_personal_chats},
    {kGet,    "/chats/group/:userId",      kApiAndRoot, kActor,  Body::kNone,     kBodyMax, kBulk,   list_group_chats},
    {kGet,    "/chats/mine",               kApiOnly,    kSelf,   Body::kNone,     kBodyMax, kBulk,   list_my_chats},
    {kGet,    "/chats/:number",            kApiAndRoot, kReader, Body::kNone,     kBodyMax, kUrgent, get_chat_by_number},
    {kPost,   "/chats/:chat/join",         kApiOnly,    kActor,  Body::kOptional, kBodyMax, kUrgent, join_chat},
    {kPost,   "/chats/:chat/leave",        kApiOnly,    kActor,  Body::kOptional, kBodyMax, kUrgent, leave_chat},
    {kGet,    "/messages/:chat",           kApiAndRoot, kReader, Body::kNone,     kBodyMax, kBulk,   list_messages},
    {kPost,   "/messages/:chat",           kApiOnly,    kActor,  Body::kRequired, kBodyMax, kUrgent, send_message},
    {kGet,    "/healthz",                  kApiAndRoot, kPublic, Body::kNone,     kBodyMax, kUrgent, show_health},
    {kGet,    "/readyz",                   kApiAndRoot, kPublic, Body::kNone,     kBodyMax, kUrgent, show_readiness},
    {kGet,    "/metrics",                  kApiAndRoot, kPublic, Body::kNone,     kBodyMax, kUrgent, show_metrics},
    {kGet,    "/openapi.json",             kApiOnly,    kPublic, Body::kNone,     kBodyMax, kUrgent, show_openapi},
    {kGet,    "/",                         kRootOnly,   kPublic, Body::kNone,     kBodyMax, kUrgent, show_front_page},
};
// clang-format on

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
  return under_api ? mount != kRootOnly : mount != kApiOnly;
}

std::string_view name_of(net::Method method) {
  switch (method) {
    case kGet:
      return "GET";
    case kPost:
      return "POST";
    case kPatch:
      return "PATCH";
    case kDelete:
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

std::span<const Route> routes() {
  return kRoutes;
}

RouteName route_name(std::size_t index) {
  if (index >= std::size(kRoutes)) return {"none", "none"};
  return {name_of(kRoutes[index].method), kRoutes[index].path};
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
  for (const Route& route : kRoutes) {
    if (!is_mounted(route.mount, under_api)) continue;
    best = std::max(best, agreement(split(route.path).all(), rest));
  }
  if (best < 0) return match;
  match.path_found = true;
  const net::Method wanted = method == net::Method::kHead ? kGet : method;
  for (const Route& route : kRoutes) {
    if (!is_mounted(route.mount, under_api)) continue;
    if (agreement(split(route.path).all(), rest) != best) continue;
    match.allow += name_of(route.method);
    if (route.method == kGet) match.allow += ", HEAD";
    match.allow += ", ";
    if (route.method != wanted || match.route) continue;
    match.route = &route;
    match.index = static_cast<std::size_t>(&route - kRoutes);
    take_parameters(route, rest, match);
  }
  match.allow += "OPTIONS";
  return match;
}

}  // namespace maru::gateway::rest
