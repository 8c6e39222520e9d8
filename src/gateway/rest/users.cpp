// GET /users, /users/search, /users/:userId.
#include "base/limits.hpp"
#include "fanout/presence/presence.hpp"
#include "gateway/flow.hpp"
#include "gateway/rest/answer_room.hpp"
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "gateway/rest/profile.hpp"
#include "json/writer.hpp"
#include "text/text.hpp"
#include "wire/documents.hpp"

namespace maru::gateway::rest {
namespace {

// Longer than any name could be; what is longer finds nobody.
constexpr std::size_t kSearchBytesMax = 1'024;

std::string found_json(const std::vector<chat::UserBrief>& users, const Online& online) {
  std::string json;
  json::Writer out(json);
  out.begin_array();
  for (const chat::UserBrief& user : users) {
    out.begin_object();
    out.key("_id").id(user.id);
    out.key("userName").string(user.name);
    out.key("active").boolean(online.contains(user.id));
    out.key("id").id(user.id);
    out.end_object();
  }
  out.end_array();
  return json;
}

Answering search(Call& call, std::string wanted, std::size_t limit) {
  using Users = std::vector<chat::UserBrief>;
  const Result<Users> users =
      co_await read_much(call, Asks(Access::kReader), Much(limit * kMemberBytesMax),
                         [&](chat::Snapshot& snapshot, Caller&) -> Result<Users> {
                           if (wanted.empty()) return Users();
                           return snapshot.search_users(wanted, limit);
                         });
  if (!users) co_return std::unexpected(users.error());
  std::vector<UserId> ids;
  ids.reserve(users->size());
  for (const chat::UserBrief& user : *users) ids.push_back(user.id);
  const Online online = co_await ask_online(call.context().presence, std::move(ids));
  co_return json_answer(found_json(*users, online));
}

Result<Answer> online_answer(chat::Snapshot& snapshot, const std::vector<UserId>& online) {
  const auto users = snapshot.find_users(online);
  if (!users) return std::unexpected(users.error());
  std::string json;
  json::Writer out(json);
  out.begin_array();
  for (const chat::UserBrief& user : *users) wire::write_user_brief(out, user.id, user.name);
  out.end_array();
  return json_answer(std::move(json));
}

auto ask_online_users(Call& call) {
  using Users = std::vector<UserId>;
  return called_back<Users>([&call](Giver<Users> give) -> std::optional<Users> {
    call.context().presence.ask_online_users(limits::kOnlineUsersMax, std::move(give));
    return std::nullopt;
  });
}

Answering online_users(Call& call) {
  const Asks asks(Access::kReader);
  // Who asks first: strangers must not get at the presence thread.
  const Result<void> in =
      co_await let_in(call, asks, Much(limits::kOnlineUsersMax * kMemberBytesMax));
  if (!in) co_return std::unexpected(in.error());
  const std::vector<UserId> online = co_await ask_online_users(call);
  co_return co_await read_as(call, chat::Lane::kBulk, asks,
                             [&](chat::Snapshot& snapshot, Caller& caller) -> Result<Answer> {
                               Result<Answer> answer = online_answer(snapshot, online);
                               charge(call, call.read_share(caller), snapshot);
                               return answer;
                             });
}

Answering user(Call& call, UserId id) {
  const Asks asks(Access::kReader);
  Result<Caller> caller = co_await known(call, asks);
  if (!caller) co_return std::unexpected(caller.error());
  // Whether the two share a chat may be many rows to look at.
  caller = co_await admit(call, asks, std::move(*caller), call.read_share(*caller));
  if (!caller) co_return std::unexpected(caller.error());
  Result<chat::User> found =
      co_await read(call, asks, [&](chat::Snapshot& snapshot, Caller& viewer) {
        Result<chat::User> profile = find_profile(snapshot, id, viewer.user);
        charge(call, call.read_share(viewer), snapshot);
        return profile;
      });
  if (!found) co_return std::unexpected(found.error());
  co_return co_await answer_profile(call, std::move(*found));
}

}  // namespace

Answering list_online_users(Call& call, const json::Value&) {
  return online_users(call);
}

Answering search_users(Call& call, const json::Value&) {
  const auto limit = query_integer(call, "limit", 1, limits::kUserSearchMax, 50);
  if (!limit) return refused(limit.error());
  const std::string raw = call.query("query").value;
  if (!text::is_valid_utf8(raw)) {
    return refused(Error{ErrorCode::kValidationFailed,
                         "The parameter query must be UTF-8.",
                         {{"query", "format"}},
                         0});
  }
  std::string wanted = raw.size() > kSearchBytesMax ? std::string() : text::name_search_query(raw);
  return search(call, std::move(wanted), static_cast<std::size_t>(*limit));
}

Answering get_user(Call& call, const json::Value&) {
  const auto id = parse_id<UserId>(call.parameter(0), "userId");
  if (!id) return refused(id.error());
  return user(call, *id);
}

}  // namespace maru::gateway::rest
