// GET /users, /users/search, /users/:userId.
#include "base/limits.hpp"
#include "fanout/presence/presence.hpp"
#include "gateway/rest/answer_room.hpp"
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "gateway/rest/presence.hpp"
#include "gateway/rest/profile.hpp"
#include "json/writer.hpp"
#include "text/text.hpp"
#include "wire/documents.hpp"

namespace maru::gateway::rest {
namespace {

// Longer than any name could be; what is longer finds nobody.
constexpr std::size_t kSearchBytesMax = 1'024;

void answer_found(const CallPtr& call, std::vector<chat::UserBrief> users) {
  std::vector<UserId> ids;
  ids.reserve(users.size());
  for (const chat::UserBrief& user : users) ids.push_back(user.id);
  ask_online(call, std::move(ids), [call, users = std::move(users)](const Online& online) {
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
    call->answer(json_answer(std::move(json)));
  });
}

void answer_online(const CallPtr& call, chat::Snapshot& snapshot,
                   const std::vector<UserId>& online) {
  const auto users = snapshot.find_users(online);
  if (!users) return call->problem(users.error());
  std::string json;
  json::Writer out(json);
  out.begin_array();
  for (const chat::UserBrief& user : *users) wire::write_user_brief(out, user.id, user.name);
  out.end_array();
  call->answer(json_answer(std::move(json)));
}

}  // namespace

void list_online_users(CallPtr call, const json::Value&) {
  // Who asks first: strangers must not get at the presence thread.
  const std::size_t bytes = limits::kOnlineUsersMax * kMemberBytesMax;
  read_with_room(call, Access::kReader, {}, bytes, [call](chat::Snapshot&, Caller&& caller) {
    call->context().presence.ask_online_users(
        limits::kOnlineUsersMax, [call, caller = std::move(caller)](std::vector<UserId> online) {
          decide_again(call, chat::Lane::kBulk, caller,
                       [call, online = std::move(online)](chat::Snapshot& snapshot, Caller&&) {
                         answer_online(call, snapshot, online);
                       });
        });
  });
}

void search_users(CallPtr call, const json::Value&) {
  const auto limit = query_integer(*call, "limit", 1, limits::kUserSearchMax, 50);
  if (!limit) return call->problem(limit.error());
  const std::string raw = call->query("query").value;
  if (!text::is_valid_utf8(raw)) {
    return call->problem(Error{ErrorCode::kValidationFailed,
                               "The parameter query must be UTF-8.",
                               {{"query", "format"}},
                               0});
  }
  const std::string wanted =
      raw.size() > kSearchBytesMax ? std::string() : text::name_search_query(raw);
  read_with_room(
      call, Access::kReader, {}, static_cast<std::size_t>(*limit) * kMemberBytesMax,
      [call, wanted, limit = static_cast<std::size_t>(*limit)](chat::Snapshot& snapshot, Caller&&) {
        if (wanted.empty()) return call->answer(json_answer("[]"));
        auto users = snapshot.search_users(wanted, limit);
        if (!users) return call->problem(users.error());
        answer_found(call, std::move(*users));
      });
}

void get_user(CallPtr call, const json::Value&) {
  const auto id = parse_id<UserId>(call->parameter(0), "userId");
  if (!id) return call->problem(id.error());
  decide(call, Access::kReader, {}, [call, id = *id](chat::Snapshot& snapshot, Caller&& caller) {
    // Whether the two share a chat may be many rows to look at.
    const Toll share = share_of(*call, caller);
    admit(call, snapshot, std::move(caller), {share},
          [call, id, share](chat::Snapshot& latest, Caller&& viewer) {
            answer_profile(call, latest, id, viewer.user);
            charge_for_rows(call->context().limiter, call->context().options, share,
                            latest.rows_read());
          });
  });
}

}  // namespace maru::gateway::rest
