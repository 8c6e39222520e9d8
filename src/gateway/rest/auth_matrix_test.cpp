// Every call × {nobody, broken token, outsider, member}, in both modes.
#include <gtest/gtest.h>

#include "gateway/rest/routes.hpp"
#include "gateway/testing/rest_harness.hpp"

namespace maru::gateway::testing {
namespace {

using gateway::Access;
using net::Method;

GatewayOptions open_mode() {
  GatewayOptions options;
  options.auth = AuthMode::kOpen;
  return options;
}

std::string concrete(std::string_view pattern, const std::string& id) {
  std::string path(pattern);
  for (const std::string_view name : {":userId", ":chat", ":id"}) {
    if (const auto at = path.find(name); at != std::string::npos) path.replace(at, name.size(), id);
  }
  if (const auto at = path.find(":number"); at != std::string::npos) path.replace(at, 7, "1");
  return path;
}

std::string api_path(const rest::Route& route, const std::string& id) {
  const std::string path = concrete(route.path, id);
  return route.mount == rest::Mount::kRootOnly ? path : "/api" + path;
}

constexpr const char* kSomeId = "0123456789abcdef01234567";

TEST(AuthMatrix, InAccountsModeNobodyGetsBeyondThePublicCalls) {
  RestHarness harness;
  for (const Operation& operation : operations()) {
    if (!operation.is_call()) continue;
    const rest::Route& route = operation.call;
    const Reply reply = harness.request(route.method, api_path(route, kSomeId), "{}");
    if (operation.access == Access::kPublic) {
      EXPECT_NE(reply.status, 401) << route.path;
    } else {
      EXPECT_EQ(reply.status, 401) << route.path;
      EXPECT_EQ(reply.code(), "unauthenticated") << route.path;
      EXPECT_EQ(reply.field("WWW-Authenticate"), "Bearer") << route.path;
    }
  }
}

TEST(AuthMatrix, ABrokenUnknownOrEndedTokenIsNobody) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  ASSERT_EQ(harness.post("/users/logout", "", person.token).status, 200);
  for (const std::string& token : {std::string("x"), std::string(43, 'A'), person.token}) {
    for (const char* path : {"/users", "/api/users/me", "/chats", "/users/search?query=a",
                             "/messages/0123456789abcdef01234567", "/chats/1", "/api/chats/mine",
                             "/chats/group/0123456789abcdef01234567"}) {
      EXPECT_EQ(harness.get(path, token).status, 401) << path;
    }
  }
}

// What is wrong with a request is nobody's business but its sender's.
TEST(AuthMatrix, ADeadTokenIsSaidBeforeWhatElseIsWrong) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  const auto other = harness.guest("영희");
  ASSERT_EQ(harness.post("/users/logout", "", person.token).status, 200);
  for (const Operation& operation : operations()) {
    if (!operation.is_call()) continue;
    const rest::Route& route = operation.call;
    if (operation.access == Access::kPublic) continue;
    const std::string path = api_path(route, "no-id") +
                             "?limit=x&page=x&before=x&cursor=" + std::string(100, 'x') +
                             "&query=%ff";
    for (const char* body : {"{", "[]", R"({"userName":1,"content":1,"users":1,"password":1})"}) {
      for (const char* type : {"application/json", "text/plain"}) {
        RequestOptions with{.token = person.token, .type = type};
        const Reply dead = harness.request(route.method, path, body, with);
        EXPECT_EQ(dead.status, 401) << route.path << ' ' << body << ' ' << type;
        EXPECT_EQ(dead.field("WWW-Authenticate"), "Bearer") << route.path;
        with.token = other.token;
        const Reply alive = harness.request(route.method, path, body, with);
        EXPECT_NE(alive.status, 401) << route.path << ' ' << body << ' ' << type;
      }
    }
  }
}

TEST(AuthMatrix, ALiveTokenHearsWhatIsWrongAsBefore) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  const auto code = [&](Method method, const char* path, const char* body,
                        const char* type = "application/json") {
    return harness.request(method, path, body, {.token = person.token, .type = type}).code();
  };
  EXPECT_EQ(code(Method::kGet, "/messages/no-id", ""), "validation_failed");
  EXPECT_EQ(code(Method::kPost, "/api/messages/0123456789abcdef01234567", "{"), "invalid_json");
  EXPECT_EQ(code(Method::kPost, "/api/messages/0123456789abcdef01234567", R"({"content":" "})"),
            "message_blank");
  EXPECT_EQ(code(Method::kPost, "/chats", "a=b", "application/x-www-form-urlencoded"),
            "unsupported_media_type");
  harness.queries_full = true;
  EXPECT_EQ(code(Method::kGet, "/messages/no-id", ""), "overloaded");
}

TEST(AuthMatrix, AnIdleSessionExpires) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  harness.core.clock.advance_ms(harness.options.session_idle_ms - 1);
  EXPECT_EQ(harness.get("/api/users/me", person.token).status, 200);
  RestHarness other;
  const auto idle = other.guest("영희");
  other.core.clock.advance_ms(other.options.session_idle_ms);
  EXPECT_EQ(other.get("/api/users/me", idle.token).status, 401);
}

TEST(AuthMatrix, InOpenModeOnlyCallsAboutMeNeedAToken) {
  RestHarness harness(open_mode());
  for (const Operation& operation : operations()) {
    if (!operation.is_call()) continue;
    const rest::Route& route = operation.call;
    const Reply reply = harness.request(route.method, api_path(route, kSomeId), "{}");
    EXPECT_EQ(reply.status == 401, operation.access == Access::kSelf) << route.path;
  }
}

TEST(AuthMatrix, ATokenMayComeAsACookieOnReads) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  const std::pair<std::string, std::string> cookie{"cookie", "maru=" + person.token};
  EXPECT_EQ(harness.request(Method::kGet, "/api/users/me", {}, {.fields = {cookie}}).status, 200);
  // Without Origin a cookie does nothing on writes; with the own one it does.
  EXPECT_EQ(harness.request(Method::kPost, "/users/logout", {}, {.fields = {cookie}}).status, 401);
  EXPECT_EQ(harness
                .request(Method::kPost, "/users/logout", {},
                         {.origin = "http://127.0.0.1:5001", .fields = {cookie}})
                .status,
            200);
}

TEST(AuthMatrix, ACookieThatAnotherSiteBringsAlongDoesNotCount) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  const auto status = [&](const char* site, const char* origin) {
    RequestOptions with{.fields = {{"cookie", "maru=" + person.token}}};
    if (site) with.fields.emplace_back("sec-fetch-site", site);
    if (origin) with.origin = origin;
    return harness.request(Method::kGet, "/api/users/me", {}, with).status;
  };
  EXPECT_EQ(status(nullptr, nullptr), 200);
  EXPECT_EQ(status("same-origin", nullptr), 200);
  EXPECT_EQ(status("none", nullptr), 200);
  EXPECT_EQ(status("cross-site", nullptr), 401);
  EXPECT_EQ(status("same-site", nullptr), 401);
  EXPECT_EQ(status("Cross-Site, same-origin", nullptr), 401);
  EXPECT_EQ(status("same-origin", "http://127.0.0.1:5001"), 200);
}

TEST(AuthMatrix, ADeadCookieIsDroppedAndOnlyThat) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  const auto other = harness.guest("영희");
  ASSERT_EQ(harness.post("/users/logout", "", other.token).status, 200);
  const auto get = [&](const std::string& path, const std::string& cookie) {
    return harness.request(Method::kGet, path, {}, {.fields = {{"cookie", "maru=" + cookie}}});
  };
  for (const std::string& dead : {other.token, std::string(43, 'A'), std::string("garbage")}) {
    const Reply reply = get("/api/users/me", dead);
    EXPECT_EQ(reply.status, 401) << dead;
    EXPECT_EQ(reply.field("Set-Cookie"), "maru=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0")
        << dead;
  }
  EXPECT_FALSE(get("/api/users/me", person.token).has("Set-Cookie"));
  EXPECT_FALSE(harness.get("/api/users/me", other.token).has("Set-Cookie")) << "a bearer";
  EXPECT_FALSE(harness.get("/api/users/me").has("Set-Cookie"));
  // A live cookie that does not count for this request stays.
  const Reply write = harness.request(Method::kPost, "/users/logout", {},
                                      {.fields = {{"cookie", "maru=" + person.token}}});
  EXPECT_EQ(write.status, 401);
  EXPECT_FALSE(write.has("Set-Cookie"));
}

TEST(AuthMatrix, InOpenModeALiveCookieSurvivesA401ForSomebodyElse) {
  RestHarness harness(open_mode());
  const auto account = harness.account("영희");
  const auto guest = harness.guest("민수");
  const Reply reply = harness.request(Method::kGet, "/chats/group/" + account.id, {},
                                      {.fields = {{"cookie", "maru=" + guest.token}}});
  EXPECT_EQ(reply.status, 401);
  EXPECT_FALSE(reply.has("Set-Cookie"));
}

TEST(AuthMatrix, AnImpossibleTokenOpensNoBody) {
  RestHarness harness;
  const std::string large = R"({"content":")" + std::string(10'000, 'x') + "\"}";
  const std::string path = std::string("/api/messages/") + kSomeId;
  // The answer comes before the body is read: a wrong type of body is not even seen.
  const Reply refused =
      harness.request(Method::kPost, path, large, {.token = "x", .type = "text/plain"});
  EXPECT_EQ(refused.status, 401);
  const auto person = harness.guest("민수");
  const Reply known =
      harness.request(Method::kPost, path, large, {.token = person.token, .type = "text/plain"});
  EXPECT_EQ(known.status, 415);
}

TEST(AuthMatrix, AnOutsiderDoesNotLearnOfAOneToOne) {
  RestHarness harness;
  const auto a = harness.guest("민수");
  const auto b = harness.guest("영희");
  const auto outsider = harness.guest("철수");
  const std::string chat = harness.personal(a, b);
  ASSERT_EQ(harness.post("/api/messages/" + chat, R"({"content":"비밀"})", a.token).status, 201);
  const std::string unknown = kSomeId;
  const auto same_as_unknown = [&](Method method, const std::string& before,
                                   const std::string& after, const std::string& body) {
    const Reply real =
        harness.request(method, before + chat + after, body, {.token = outsider.token});
    const Reply none =
        harness.request(method, before + unknown + after, body, {.token = outsider.token});
    EXPECT_EQ(real.status, 404) << before << after;
    EXPECT_EQ(real.code(), "not_found");
    EXPECT_EQ(real.string("detail"), none.string("detail")) << before << after;
  };
  same_as_unknown(Method::kGet, "/messages/", "", "");
  same_as_unknown(Method::kPost, "/api/messages/", "", R"({"content":"x"})");
  same_as_unknown(Method::kPost, "/api/chats/", "/join", "");
  same_as_unknown(Method::kPost, "/api/chats/", "/leave", "");
  EXPECT_EQ(harness.get("/chats/1", outsider.token).text, "null");
  EXPECT_NE(harness.get("/chats/1", b.token).text, "null");
  EXPECT_EQ(harness.get("/chats/one-to-one/" + a.id, outsider.token).status, 404);
  EXPECT_EQ(harness.get("/chats/group/" + a.id, outsider.token).status, 404);
  EXPECT_EQ(harness.get("/messages/" + chat, b.token).body.size(), 1u);
}

TEST(AuthMatrix, APublicGroupMayBeReadByEveryLoginAndWrittenByMembers) {
  RestHarness harness;
  const auto owner = harness.guest("민수");
  const auto outsider = harness.guest("철수");
  const std::string chat = harness.group(owner);
  EXPECT_EQ(harness.get("/messages/" + chat, outsider.token).status, 200);
  const Reply send = harness.post("/api/messages/" + chat, R"({"content":"x"})", outsider.token);
  EXPECT_EQ(send.status, 403);
  EXPECT_EQ(send.code(), "not_member");
}

TEST(AuthMatrix, IdentityIsNeverReadFromAPayloadInAccountsMode) {
  RestHarness harness;
  const auto a = harness.guest("민수");
  const auto b = harness.guest("영희");
  const std::string chat = harness.group(a, "방", {b.id});
  const Reply sent = harness.post("/api/messages/" + chat,
                                  R"({"content":"x","from":")" + b.id +
                                      R"(","fromUserName":"system","sequence":99,"type":"system"})",
                                  a.token);
  EXPECT_EQ(sent.string("from"), a.id);
  EXPECT_EQ(sent.string("fromUserName"), "민수");
  EXPECT_EQ(sent.string("type"), "text");
  EXPECT_EQ(sent.body["sequence"].as_integer(), 1);
  const Reply made =
      harness.post("/chats", R"({"chatName":"x","users":[],"owner":")" + b.id + "\"}", a.token);
  EXPECT_EQ(made.string("owner"), a.id);
  const std::string other = harness.group(b, "방2");
  const Reply joined =
      harness.post("/api/chats/" + other + "/join", R"({"userId":")" + b.id + "\"}", a.token);
  EXPECT_EQ(joined.status, 201);
  EXPECT_EQ(joined.body["chat"]["users"].at(1).as_string(), a.id);
}

}  // namespace
}  // namespace maru::gateway::testing
