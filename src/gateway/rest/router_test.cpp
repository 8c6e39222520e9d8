#include "gateway/rest/router.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

#include "base/limits.hpp"
#include "gateway/rest/openapi.hpp"
#include "gateway/testing/rest_harness.hpp"

namespace maru::gateway::testing {
namespace {

using net::Method;

GatewayOptions open_mode() {
  GatewayOptions options;
  options.auth = AuthMode::kOpen;
  return options;
}

TEST(Routes, TheMostLiteralPatternWinsForEveryMethod) {
  EXPECT_EQ(rest::match_route(Method::kGet, "/api/users/me").operation->call.path, "/users/me");
  EXPECT_EQ(rest::match_route(Method::kGet, "/api/users/search").operation->call.path,
            "/users/search");
  EXPECT_EQ(rest::match_route(Method::kGet, "/api/users/x").operation->call.path, "/users/:userId");
  EXPECT_EQ(rest::match_route(Method::kGet, "/chats/group/x").parameters[0], "x");
  const auto wrong = rest::match_route(Method::kGet, "/api/users/login");
  EXPECT_TRUE(wrong.path_found);
  EXPECT_EQ(wrong.operation, nullptr);
  EXPECT_EQ(wrong.allow, "POST, OPTIONS");
  EXPECT_EQ(rest::match_route(Method::kDelete, "/api/users/me").allow, "GET, HEAD, PATCH, OPTIONS");
}

TEST(Routes, OnlyTheOriginalsPathsAreServedWithoutApi) {
  for (const char* path : {"/users/login", "/users/logout", "/users", "/users/search", "/chats",
                           "/chats/one-to-one/a", "/chats/group/a", "/chats/1", "/messages/a"}) {
    EXPECT_TRUE(rest::match_route(Method::kGet, path).path_found) << path;
    EXPECT_TRUE(rest::match_route(Method::kGet, std::string("/api") + path).path_found) << path;
  }
  for (const char* path : {"/users/register", "/users/me/sessions", "/chats/a/join"}) {
    EXPECT_FALSE(rest::match_route(Method::kGet, path).path_found) << path;
    EXPECT_TRUE(rest::match_route(Method::kGet, std::string("/api") + path).path_found) << path;
  }
  for (const char* path :
       {"", "users", "//", "/api", "/api/api/users", "/users/", "/Users", "/a/b/c/d/e/f/g/h/i/j",
        "/messages/", "/messages//", "/..", "/api/", "/users/me/blocks/x/y", "/invites/x"}) {
    EXPECT_FALSE(rest::match_route(Method::kGet, path).path_found) << path;
  }
}

TEST(Routes, SegmentsArePercentDecodedOneByOne) {
  EXPECT_EQ(rest::match_route(Method::kGet, "/api/%75sers/a%2Fb").parameters[0], "a/b");
}

// "/users/:userId" as OpenAPI writes it, "/api/users/{userId}".
std::string openapi_path(const rest::Route& route) {
  std::string out = route.mount == rest::Mount::kRootOnly ? "" : "/api";
  bool in_name = false;
  for (const char c : route.path) {
    if (in_name && c == '/') out += '}';
    if (c == '/') in_name = false;
    if (c == ':') in_name = true;
    out += c == ':' ? '{' : c;
  }
  if (in_name) out += '}';
  return out;
}

// "get /api/users, /users" of the table: the method, the path, the same without /api if it is
// served there, too.
std::string described(std::string_view method, const std::string& path, std::string_view name,
                      bool without_api) {
  std::string out = std::string(method);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  out += ' ' + path + ' ' + std::string(name);
  return without_api ? out + ", alias" : out;
}

std::multiset<std::string> operations_of_the_table() {
  std::multiset<std::string> out;
  for (std::size_t i = 0; i < operations().size(); ++i) {
    if (!operations()[i].is_call()) continue;
    const rest::Route& route = operations()[i].call;
    out.insert(described(rest::route_name(i).method, openapi_path(route), operations()[i].name,
                         route.mount == rest::Mount::kApiAndRoot));
  }
  return out;
}

// By the document's own layout: paths at four spaces, methods at six, their fields at eight.
std::multiset<std::string> operations_of_the_document() {
  const std::string document(rest::openapi_document());
  std::istringstream lines(document.substr(0, document.find("\n  \"components\"")));
  std::multiset<std::string> out;
  std::string path;
  std::string method;
  std::string name;
  bool without_api = false;
  const auto finish = [&] {
    if (!method.empty()) out.insert(described(method, path, name, without_api));
    method.clear();
    without_api = false;
  };
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("    \"/")) {
      finish();
      path = line.substr(5, line.find('"', 5) - 5);
    } else if (line.starts_with("      \"") && line.ends_with("\": {")) {
      finish();
      method = line.substr(7, line.find('"', 7) - 7);
    } else if (line.starts_with("        \"operationId\": \"")) {
      name = line.substr(24, line.find('"', 24) - 24);
    } else if (line.starts_with("        \"x-also-without-api\": true")) {
      without_api = true;
    }
  }
  finish();
  return out;
}

TEST(OpenApi, DescribesEveryRouteAndNoOther) {
  EXPECT_EQ(operations_of_the_document(), operations_of_the_table());
  EXPECT_EQ(rest::openapi_document().find("@MARU"), std::string_view::npos);
}

TEST(Router, UnknownPathsAndMethodsAreProblems) {
  RestHarness harness;
  const Reply missing = harness.get("/nowhere");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.code(), "not_found");
  EXPECT_EQ(missing.type, "application/problem+json");
  EXPECT_EQ(missing.string("requestId"), missing.field("X-Request-Id"));
  EXPECT_EQ(missing.string("error"), missing.string("detail"));
  const Reply wrong = harness.get("/users/login");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.code(), "method_not_allowed");
  EXPECT_EQ(wrong.field("Allow"), "POST, OPTIONS");
  EXPECT_EQ(harness.request(Method::kOther, "/users").status, 405);
}

TEST(Router, EveryAnswerCarriesItsOwnRequestIdAndTheSecurityFields) {
  RestHarness harness;
  std::set<std::string> ids;
  for (const char* path : {"/", "/healthz", "/nowhere", "/users", "/api/openapi.json"}) {
    const Reply reply = harness.get(path);
    ids.insert(reply.field("X-Request-Id"));
    EXPECT_EQ(reply.field("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(reply.field("Referrer-Policy"), "no-referrer");
    EXPECT_NE(reply.field("Content-Security-Policy").find("default-src 'none'"), std::string::npos);
    EXPECT_EQ(reply.field("Cache-Control"), "no-store");
    EXPECT_FALSE(reply.has("Strict-Transport-Security"));
  }
  EXPECT_EQ(ids.size(), 5u);
  EXPECT_EQ(ids.begin()->size(), 16u);
  EXPECT_TRUE(harness.request(Method::kGet, "/healthz", {}, {.secure = true})
                  .has("Strict-Transport-Security"));
}

// A browser obeys the first policy only where there is one: two would be the stricter of both.
TEST(Router, TheFrontPageAllowsItsOwnStyleAndNothingElse) {
  RestHarness harness;
  const Reply page = harness.get("/");
  const std::size_t begin = page.text.find("<style>") + 7;
  const std::string style = page.text.substr(begin, page.text.find("</style>") - begin);
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(style.data()),
                     style.size());
  std::array<char, 64> text{};
  sodium_bin2base64(text.data(), text.size(), hash.data(), hash.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  EXPECT_EQ(page.field("Content-Security-Policy"),
            "default-src 'none'; style-src 'sha256-" + std::string(text.data()) +
                "'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
  EXPECT_EQ(std::ranges::count(page.fields, "Content-Security-Policy",
                               &std::pair<std::string, std::string>::first),
            1);
}

TEST(Router, HeadIsServedWhereGetIs) {
  RestHarness harness;
  EXPECT_EQ(harness.request(Method::kHead, "/healthz").status, 200);
  EXPECT_EQ(harness.request(Method::kHead, "/users/login").status, 405);
}

TEST(Router, BodiesMustBeJsonByTheirType) {
  RestHarness harness;
  const auto status = [&](std::string type, std::string body = R"({"userName":"민수"})") {
    return harness.request(Method::kPost, "/users/login", std::move(body),
                           {.type = std::move(type)});
  };
  EXPECT_EQ(status("application/json").status, 200);
  EXPECT_EQ(status("APPLICATION/JSON ; charset=utf-8").status, 409);  // the name is taken now
  EXPECT_EQ(status("application/merge-patch+json").status, 409);
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded", "text/json",
                           "multipart/form-data; boundary=json", "application/jsonp",
                           "application/+json", "text/plain; a=application/json"}) {
    const Reply reply = status(type);
    EXPECT_EQ(reply.status, 415) << type;
    EXPECT_EQ(reply.code(), "unsupported_media_type");
  }
}

TEST(Router, PackedBodiesAreRefused) {
  RestHarness harness;
  const auto reply = [&](std::string coding) {
    return harness.request(Method::kPost, "/users/login", R"({"userName":"민수"})",
                           {.fields = {{"content-encoding", std::move(coding)}}});
  };
  for (const char* coding : {"gzip", "deflate", "br", "identity, gzip", "GZIP", "x"}) {
    const Reply refused = reply(coding);
    EXPECT_EQ(refused.status, 415) << coding;
    EXPECT_EQ(refused.code(), "unsupported_media_type");
    EXPECT_EQ(refused.field("Accept-Encoding"), "identity");
  }
  EXPECT_EQ(reply("Identity").status, 200);
}

TEST(Router, MalformedJsonIsRefusedBeforeAnythingElse) {
  RestHarness harness;
  for (const std::string& body :
       {std::string("{"), std::string("nonsense"), std::string(2'000, '['),
        std::string(R"({"userName":"a","userName":"b"})"), std::string(R"({"userName":"\ud800"})"),
        std::string("{\"userName\":\"\xff\"}"), std::string(R"({"user\u0000Name":"a"})")}) {
    const Reply reply = harness.post("/users/login", body);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_EQ(reply.code(), "invalid_json") << body;
  }
  for (const char* body : {"[]", "\"a\"", "1", "null", "true"}) {
    EXPECT_EQ(harness.post("/users/login", body).code(), "validation_failed") << body;
  }
  EXPECT_EQ(harness
                .request(Method::kPost, "/users/login", {},
                         {.fields = {{"content-type", "application/json"}}})
                .code(),
            "invalid_json");
}

TEST(Router, BodiesPastTheBoundAre413) {
  RestHarness harness;
  const std::string padding(8 * 1024, ' ');
  const Reply login = harness.post("/users/login", R"({"userName":"a"})" + padding);
  EXPECT_EQ(login.status, 413);
  EXPECT_EQ(login.code(), "payload_too_large");
  const auto person = harness.guest("민수");
  const std::string chat = harness.group(person);
  const std::string body = R"({"content":"x"})";
  const std::size_t room = limits::kMaxPayloadBytes - body.size();
  EXPECT_EQ(
      harness.post("/api/messages/" + chat, body + std::string(room, ' '), person.token).status,
      201);
  EXPECT_EQ(
      harness.post("/api/messages/" + chat, body + std::string(room + 1, ' '), person.token).status,
      413);
}

TEST(Router, ForeignOriginsAre403WithoutCorsFields) {
  GatewayOptions options;
  options.allowed_origins = {"https://app.example"};
  RestHarness harness(options);
  for (const Method method : {Method::kGet, Method::kPost, Method::kOptions}) {
    for (const char* path : {"/users", "/users/login", "/healthz", "/nowhere"}) {
      const Reply reply = harness.request(method, path, "{}", {.origin = "https://evil.example"});
      EXPECT_EQ(reply.status, 403) << path;
      EXPECT_EQ(reply.code(), "forbidden");
      EXPECT_FALSE(reply.has("Access-Control-Allow-Origin"));
    }
  }
  const Reply good = harness.request(Method::kPost, "/users/login", R"({"userName":"민수"})",
                                     {.origin = "https://app.example"});
  EXPECT_EQ(good.status, 200);
  EXPECT_EQ(good.field("Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_EQ(good.field("Access-Control-Allow-Credentials"), "true");
  EXPECT_NE(good.field("Access-Control-Expose-Headers").find("X-Has-More"), std::string::npos);
}

TEST(Router, PreflightsAreAnswered204) {
  RestHarness harness(open_mode());
  const Reply reply =
      harness.request(Method::kOptions, "/users/login", {},
                      {.origin = "http://localhost:3000",
                       .fields = {{"access-control-request-method", "POST"},
                                  {"access-control-request-headers", "content-type, x-a"}}});
  EXPECT_EQ(reply.status, 204);
  EXPECT_EQ(reply.field("Access-Control-Allow-Origin"), "*");
  EXPECT_FALSE(reply.has("Access-Control-Allow-Credentials"));
  EXPECT_EQ(reply.field("Access-Control-Allow-Methods"), "GET,HEAD,PUT,PATCH,POST,DELETE");
  EXPECT_EQ(reply.field("Access-Control-Allow-Headers"), "content-type, x-a");
  EXPECT_TRUE(reply.text.empty());
  EXPECT_EQ(harness.request(Method::kOptions, "/users/login").field("Allow"), "POST, OPTIONS");
}

TEST(Router, FullQueuesAreOverloaded) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  harness.queries_full = true;
  Reply reply = harness.get("/api/users/me", person.token);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.code(), "overloaded");
  EXPECT_EQ(reply.field("Retry-After"), "1");
  EXPECT_TRUE(reply.body["retryable"].as_bool().value_or(false));
  harness.queries_full = false;
  harness.commands_full = true;
  reply = harness.post("/users/login", R"({"userName":"영희"})");
  EXPECT_EQ(reply.code(), "overloaded");
}

TEST(Router, AFullDiskIsUnavailable) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  const std::string chat = harness.group(person);
  harness.core.store.set_full(true);
  const Reply reply = harness.post("/api/messages/" + chat, R"({"content":"x"})", person.token);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.code(), "unavailable");
  EXPECT_EQ(harness.get("/messages/" + chat, person.token).status, 200);
  harness.core.store.set_full(false);
  EXPECT_EQ(harness.post("/api/messages/" + chat, R"({"content":"x"})", person.token).status, 201);
}

TEST(Operations, AreServedToWhomTheyMay) {
  RestHarness harness;
  EXPECT_EQ(harness.get("/healthz").text, R"({"status":"ok"})");
  EXPECT_EQ(harness.get("/api/readyz").status, 200);
  EXPECT_EQ(harness.get("/metrics").text, "maru_up 1\n");
  const Reply openapi = harness.get("/api/openapi.json");
  EXPECT_EQ(openapi.status, 200);
  EXPECT_TRUE(openapi.text.starts_with("{"));
  const Reply page = harness.get("/");
  EXPECT_EQ(page.type, "text/html; charset=utf-8");
  EXPECT_NE(page.text.find("/api/openapi.json"), std::string::npos);
}

TEST(Operations, MetricsNeedTheirTokenFromElsewhere) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  const RequestOptions elsewhere[] = {
      {.from_loopback = false}, {.has_forwarding_header = true}, {.host = "rebound.example:5001"}};
  for (RequestOptions with : elsewhere) {
    const Reply nobody = harness.request(Method::kGet, "/metrics", {}, with);
    EXPECT_EQ(nobody.status, 401);
    EXPECT_EQ(nobody.code(), "unauthenticated");
    with.token = "unknown";
    EXPECT_EQ(harness.request(Method::kGet, "/metrics", {}, with).status, 401);
    with.token = person.token;
    EXPECT_EQ(harness.request(Method::kGet, "/metrics", {}, with).status, 401) << "a session";
    with.token = std::string(kMetricsToken.substr(1));
    EXPECT_EQ(harness.request(Method::kGet, "/metrics", {}, with).status, 401);
    with.token = kMetricsToken;
    EXPECT_EQ(harness.request(Method::kGet, "/metrics", {}, with).text, "maru_up 1\n");
  }
}

TEST(Operations, HaveNamesEventsAndPathsOfTheirOwn) {
  std::set<std::string_view> names;
  std::set<std::string_view> events;
  for (const Operation& operation : operations()) {
    EXPECT_TRUE(names.insert(operation.name).second) << operation.name;
    EXPECT_TRUE(operation.is_call() || operation.is_event()) << operation.name;
    EXPECT_EQ(operation.is_call(), operation.call.handler != nullptr) << operation.name;
    EXPECT_EQ(operation.is_event(), operation.event.handler != nullptr) << operation.name;
    if (operation.is_event()) {
      EXPECT_TRUE(events.insert(operation.event.name).second) << operation.name;
      EXPECT_EQ(operations()[find_event(operation.event.name)].name, operation.name);
    }
  }
  EXPECT_EQ(find_event("nonsense"), operations().size());
}

}  // namespace
}  // namespace maru::gateway::testing
