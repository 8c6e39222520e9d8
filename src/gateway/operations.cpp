#include "gateway/operations.hpp"

#include <algorithm>
#include <iterator>

#include "base/limits.hpp"
#include "gateway/counters.hpp"
#include "gateway/rest/handlers.hpp"

namespace maru::gateway {
namespace {

using enum rest::Mount;
using enum Access;
using enum chat::Lane;
using rest::Body;
constexpr auto kGet = net::Method::kGet;
constexpr auto kPost = net::Method::kPost;
constexpr auto kPatch = net::Method::kPatch;
constexpr auto kDelete = net::Method::kDelete;
constexpr std::size_t kBodyMax = limits::kMaxPayloadBytes;
// What may be sent before anybody is known (quality.md 1, row 22), and enough for a password.
constexpr std::size_t kUnknownBodyMax = 8 * 1024;

// Name, access, event; call.
// clang-format off
constexpr Operation kOperations[] = {
    // Those of sockets first: they are found by going through.
    {"joinChat", kActor, {"joinRoom", handle_join_room},
     {kPost, "/chats/:chat/join", kApiOnly, Body::kOptional, kBodyMax, kUrgent, rest::join_chat}},
    {"leaveChat", kActor, {"leaveRoom", handle_leave_room},
     {kPost, "/chats/:chat/leave", kApiOnly, Body::kOptional, kBodyMax, kUrgent, rest::leave_chat}},
    {"sendMessage", kActor, {"sendMessage", handle_send_message, send_straight},
     {kPost, "/messages/:chat", kApiOnly, Body::kRequired, kBodyMax, kUrgent, rest::send_message}},
    {"sync", kActor, {"sync", handle_sync}, {}},
    {"watchPresence", kActor, {"watchPresence", handle_watch_presence}, {}},
    // By REST alone.
    {"login", kPublic, {},
     {kPost, "/users/login", kApiAndRoot, Body::kRequired, kUnknownBodyMax, kUrgent, rest::login}},
    {"register", kPublic, {},
     {kPost, "/users/register", kApiOnly, Body::kRequired, kUnknownBodyMax, kUrgent, rest::register_user}},
    {"logout", kReader, {},
     {kPost, "/users/logout", kApiAndRoot, Body::kOptional, kUnknownBodyMax, kUrgent, rest::logout}},
    {"listOnlineUsers", kReader, {},
     {kGet, "/users", kApiAndRoot, Body::kNone, kBodyMax, kBulk, rest::list_online_users}},
    {"searchUsers", kReader, {},
     {kGet, "/users/search", kApiAndRoot, Body::kNone, kBodyMax, kBulk, rest::search_users}},
    {"getMe", kSelf, {},
     {kGet, "/users/me", kApiOnly, Body::kNone, kBodyMax, kUrgent, rest::get_me}},
    {"changePassword", kSelf, {},
     {kPatch, "/users/me", kApiOnly, Body::kRequired, kUnknownBodyMax, kUrgent, rest::change_password}},
    {"listSessions", kSelf, {},
     {kGet, "/users/me/sessions", kApiOnly, Body::kNone, kBodyMax, kUrgent, rest::list_sessions}},
    {"revokeSession", kSelf, {},
     {kDelete, "/users/me/sessions/:id", kApiOnly, Body::kNone, kBodyMax, kUrgent, rest::revoke_session}},
    {"getUser", kReader, {},
     {kGet, "/users/:userId", kApiOnly, Body::kNone, kBodyMax, kUrgent, rest::get_user}},
    {"listPublicGroups", kReader, {},
     {kGet, "/chats", kApiAndRoot, Body::kNone, kBodyMax, kBulk, rest::list_public_groups}},
    {"createChat", kActor, {},
     {kPost, "/chats", kApiAndRoot, Body::kRequired, kBodyMax, kUrgent, rest::create_chat}},
    {"listPersonalChats", kActor, {},
     {kGet, "/chats/one-to-one/:userId", kApiAndRoot, Body::kNone, kBodyMax, kBulk, rest::list_personal_chats}},
    {"listGroupChats", kActor, {},
     {kGet, "/chats/group/:userId", kApiAndRoot, Body::kNone, kBodyMax, kBulk, rest::list_group_chats}},
    {"listMyChats", kSelf, {},
     {kGet, "/chats/mine", kApiOnly, Body::kNone, kBodyMax, kBulk, rest::list_my_chats}},
    {"getChatByNumber", kReader, {},
     {kGet, "/chats/:number", kApiAndRoot, Body::kNone, kBodyMax, kUrgent, rest::get_chat_by_number}},
    {"listMessages", kReader, {},
     {kGet, "/messages/:chat", kApiAndRoot, Body::kNone, kBodyMax, kBulk, rest::list_messages}},
    {"health", kPublic, {},
     {kGet, "/healthz", kApiAndRoot, Body::kNone, kBodyMax, kUrgent, rest::show_health}},
    {"readiness", kPublic, {},
     {kGet, "/readyz", kApiAndRoot, Body::kNone, kBodyMax, kUrgent, rest::show_readiness}},
    {"metrics", kPublic, {},
     {kGet, "/metrics", kApiAndRoot, Body::kNone, kBodyMax, kUrgent, rest::show_metrics}},
    {"openapi", kPublic, {},
     {kGet, "/openapi.json", kApiOnly, Body::kNone, kBodyMax, kUrgent, rest::show_openapi}},
    {"frontPage", kPublic, {},
     {kGet, "/", kRootOnly, Body::kNone, kBodyMax, kUrgent, rest::show_front_page}},
};
// clang-format on
static_assert(std::size(kOperations) < Counters::kOperationsMax);

}  // namespace

std::span<const Operation> operations() {
  return kOperations;
}

std::string_view event_name(std::size_t operation) {
  if (operation >= std::size(kOperations) || !kOperations[operation].is_event()) return "none";
  return kOperations[operation].event.name;
}

std::size_t find_event(std::string_view name) {
  const auto found = std::ranges::find_if(kOperations, [&](const Operation& operation) {
    return operation.is_event() && operation.event.name == name;
  });
  return static_cast<std::size_t>(found - std::begin(kOperations));
}

}  // namespace maru::gateway
