// `--auth open`: the original's semantics (product.md, "Identity").
#include <gtest/gtest.h>

#include "gateway/testing/rest_harness.hpp"

namespace maru::gateway::testing {
namespace {

using net::Method;

class OpenMode : public ::testing::Test {
 protected:
  static GatewayOptions options() {
    GatewayOptions options;
    options.auth = AuthMode::kOpen;
    options.rate_limits = false;
    return options;
  }
  RestHarness harness_{options()};
  RestHarness::Person a_ = harness_.guest("민수");
  RestHarness::Person b_ = harness_.guest("영희");
};

TEST_F(OpenMode, TheSameNameIsTheSameUser) {
  EXPECT_EQ(harness_.guest("민수").id, a_.id);
  EXPECT_EQ(harness_.get("/users").body.size(), 2u);  // a login names the user
}

TEST(OpenModeLimits, GuestsOfOneAddressHaveAGenerousRate) {
  GatewayOptions options;
  options.auth = AuthMode::kOpen;
  options.open_guests_per_ip_minute = 40;
  RestHarness harness(options);
  const auto login = [&](int i, const char* peer) {
    return harness.request(Method::kPost, "/users/login",
                           R"({"userName":"n)" + std::to_string(i) + "\"}", {.peer = peer});
  };
  for (int i = 0; i < 40; ++i) ASSERT_EQ(login(i, "2001:db8::1").status, 200) << i;
  const Reply refused = login(40, "2001:db8::2");
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.field("RateLimit").starts_with("\"guests\";r=0;t="));
  EXPECT_EQ(login(41, "2001:db8:0:1::1").status, 200);
}

TEST_F(OpenMode, TheOriginalsClientsNeedNoToken) {
  const Reply chat = harness_.post("/chats", R"({"chatName":"방","isPersonal":false,"owner":")" +
                                                 a_.id + R"(","users":[")" + b_.id + "\"]}");
  ASSERT_EQ(chat.status, 200);
  EXPECT_EQ(chat.string("owner"), a_.id);
  EXPECT_EQ(harness_.get("/chats").body["chats"].size(), 1u);
  EXPECT_EQ(harness_.get("/chats/group/" + b_.id).body.size(), 1u);
  EXPECT_EQ(harness_.get("/chats/one-to-one/" + b_.id).body["chats"].size(), 0u);
  EXPECT_EQ(harness_.get("/chats/1").string("_id"), chat.string("_id"));
  EXPECT_EQ(harness_.get("/messages/" + chat.string("_id")).text, "[]");
  const Reply sent = harness_.post("/api/messages/" + chat.string("_id"),
                                   R"({"content":"x","from":")" + b_.id + "\"}");
  EXPECT_EQ(sent.status, 201);
  EXPECT_EQ(sent.string("fromUserName"), "영희");
  EXPECT_EQ(harness_.get("/users/search?query=%EC%98%81").body.size(), 1u);
}

TEST_F(OpenMode, SomebodyMustBeNamedAndKnown) {
  const std::string chat = harness_.group(a_);
  for (const Reply& reply :
       {harness_.post("/chats", R"({"chatName":"x","users":[]})"),
        harness_.post("/api/messages/" + chat, R"({"content":"x"})"),
        harness_.post("/api/chats/" + chat + "/join", "{}"),
        harness_.post("/api/chats/" + chat + "/join", ""),
        harness_.post("/chats", R"({"chatName":"x","users":[],"owner":"abc"})"),
        harness_.post("/chats", R"({"chatName":"x","users":[],"owner":{"$ne":null}})"),
        harness_.post("/api/chats/" + chat + "/join", R"({"userId":7})"),
        harness_.post("/users/logout", ""), harness_.post("/users/logout", "{}"),
        harness_.post("/users/logout", R"({"userName":{"$ne":null}})")}) {
    EXPECT_EQ(reply.code(), "validation_failed") << reply.text;
  }
  EXPECT_EQ(
      harness_.post("/chats", R"({"chatName":"x","users":[],"owner":"0123456789abcdef01234567"})")
          .code(),
      "not_found");
  EXPECT_EQ(harness_.post("/users/logout", R"({"userName":"없다"})").code(), "not_found");
  EXPECT_EQ(harness_.post("/users/logout", R"({"userName":"system"})").code(), "not_found");
}

TEST_F(OpenMode, AnAccountWithAPasswordNeedsItsToken) {
  const auto secret = harness_.account("철수");
  EXPECT_EQ(harness_.post("/users/login", R"({"userName":"철수"})").code(), "invalid_credentials");
  const std::string body = R"({"chatName":"x","users":[],"owner":")" + secret.id + "\"}";
  EXPECT_EQ(harness_.post("/chats", body).code(), "unauthenticated");
  EXPECT_EQ(harness_.post("/chats", body, a_.token).code(), "unauthenticated");
  EXPECT_EQ(harness_.post("/chats", body, secret.token).status, 200);
  EXPECT_EQ(harness_.get("/chats/group/" + secret.id).code(), "unauthenticated");
  EXPECT_EQ(harness_.get("/chats/group/" + secret.id, secret.token).status, 200);
  EXPECT_EQ(harness_.post("/users/logout", R"({"userName":"철수"})").code(), "unauthenticated");
}

TEST_F(OpenMode, LogoutByNameMakesOfflineAtOnceAndEndsNoSession) {
  const Reply reply = harness_.post("/users/logout", R"({"userName":"민수"})");
  EXPECT_EQ(reply.text, R"({"message":"Logout successful"})");
  EXPECT_EQ(harness_.get("/users").body.size(), 1u);
  EXPECT_EQ(harness_.get("/api/users/me", a_.token).status, 200);
}

TEST_F(OpenMode, LogoutWithATokenEndsTheSessionButKeepsTheNickname) {
  EXPECT_EQ(harness_.post("/users/logout", "", a_.token).status, 200);
  EXPECT_EQ(harness_.get("/api/users/me", a_.token).status, 401);
  EXPECT_EQ(harness_.guest("민수").id, a_.id);
}

TEST_F(OpenMode, AStaleTokenBreaksNothingThatNeedsNone) {
  ASSERT_EQ(harness_.post("/users/logout", "", a_.token).status, 200);
  EXPECT_EQ(harness_.get("/chats", a_.token).status, 200);
  EXPECT_EQ(harness_.get("/users", "nonsense").status, 200);
}

TEST_F(OpenMode, EveryOriginIsAnsweredWithAStar) {
  const Reply reply =
      harness_.request(Method::kGet, "/chats", {}, {.origin = "http://localhost:3000"});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.field("Access-Control-Allow-Origin"), "*");
  EXPECT_FALSE(reply.has("Access-Control-Allow-Credentials"));
}

}  // namespace
}  // namespace maru::gateway::testing
