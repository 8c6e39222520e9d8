// Login, register, logout, profile, sessions, search, passwords.
#include <gtest/gtest.h>
#include <sodium.h>

#include <future>
#include <vector>

#include "gateway/rest/common_passwords.hpp"
#include "gateway/rest/password.hpp"
#include "gateway/testing/held_hasher.hpp"
#include "gateway/testing/rest_harness.hpp"
#include "text/text.hpp"

namespace maru::gateway::testing {
namespace {

using net::Method;

constexpr const char* kLoginKeys =
    "_id,userName,active,deletedAt,createdAt,updatedAt,__v,id,userId,accountType,lastSeenAt,token,"
    "expiresAt";
constexpr const char* kUserKeys =
    "_id,userName,active,deletedAt,createdAt,updatedAt,__v,id,userId,accountType,lastSeenAt";

TEST(Login, AGuestGetsATokenAndACookie) {
  RestHarness harness;
  const Reply reply = harness.post("/users/login", R"({"userName":" 민수 "})");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(Reply::keys(reply.body), kLoginKeys);
  EXPECT_EQ(reply.string("userName"), "민수");
  EXPECT_EQ(reply.string("accountType"), "guest");
  EXPECT_EQ(reply.string("_id"), reply.string("id"));
  EXPECT_EQ(reply.string("_id"), reply.string("userId"));
  EXPECT_TRUE(reply.body["deletedAt"].is_null());
  EXPECT_EQ(reply.body["__v"].as_integer(), 0);
  EXPECT_EQ(reply.string("token").size(), 43u);
  EXPECT_EQ(reply.field("Set-Cookie"),
            "maru=" + reply.string("token") + "; Path=/; HttpOnly; SameSite=Lax; Max-Age=34560000");
  EXPECT_EQ(reply.string("expiresAt"),
            to_rfc3339(WallTime{harness.core.clock.wall().ms + harness.options.session_idle_ms}));
}

TEST(Login, ANicknameBelongsToOneSession) {
  RestHarness harness;
  harness.guest("민수");
  const Reply again = harness.post("/users/login", R"({"userName":"민수"})");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.code(), "name_taken");
  for (const char* name : {"system", "시스템", "Admin", "MARU"}) {
    const Reply reserved =
        harness.post("/users/login", R"({"userName":")" + std::string(name) + "\"}");
    EXPECT_EQ(reserved.code(), "name_taken") << name;
  }
}

TEST(Login, BadInputsAreValidationErrors) {
  RestHarness harness;
  for (const char* body :
       {"{}", R"({"userName":null})", R"({"userName":1})", R"({"userName":{"$ne":null}})",
        R"({"userName":["a"]})", R"({"userName":""})", R"({"userName":"   "})",
        R"({"userName":"aaaaaaaaaabbbbbbbbbbccccccccccd"})", R"({"userName":"a\u0007b"})",
        R"({"userName":"a\u200bb"})", R"({"userName":"\u3164"})",
        R"({"userName":"a","password":{"$ne":null}})", R"({"userName":"a","password":1})",
        R"({"userName":"a","password":[]})"}) {
    const Reply reply = harness.post("/users/login", body);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_EQ(reply.code(), "validation_failed") << body;
    EXPECT_GE(reply.body["errors"].size(), 1u) << body;
  }
}

TEST(Login, APasswordIsNeededForAnAccount) {
  RestHarness harness;
  const auto account = harness.account("영희", "korrekt-pferd-batterie");
  EXPECT_EQ(harness.post("/users/login", R"({"userName":"영희"})").code(), "name_taken");
  const Reply good =
      harness.post("/users/login", R"({"userName":"영희","password":"korrekt-pferd-batterie"})");
  EXPECT_EQ(good.status, 200);
  EXPECT_EQ(good.string("_id"), account.id);
  EXPECT_NE(good.string("token"), account.token);
  EXPECT_EQ(good.string("accountType"), "account");
}

TEST(Login, WrongPasswordAndUnknownUserLookTheSame) {
  RestHarness harness;
  harness.account("영희");
  harness.guest("민수");
  const Reply wrong =
      harness.post("/users/login", R"({"userName":"영희","password":"wrong-wrong-wrong"})");
  const Reply unknown =
      harness.post("/users/login", R"({"userName":"없다","password":"wrong-wrong-wrong"})");
  const Reply guest =
      harness.post("/users/login", R"({"userName":"민수","password":"wrong-wrong-wrong"})");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.code(), "invalid_credentials");
  for (const Reply* other : {&unknown, &guest}) {
    EXPECT_EQ(other->status, wrong.status);
    EXPECT_EQ(other->code(), wrong.code());
    EXPECT_EQ(other->string("detail"), wrong.string("detail"));
    EXPECT_EQ(Reply::keys(other->body), Reply::keys(wrong.body));
  }
  EXPECT_FALSE(wrong.has("WWW-Authenticate"));
}

TEST(Login, FailuresDelayTheNextTryOfThatAccount) {
  RestHarness harness;
  harness.account("영희");
  const char* wrong = R"({"userName":"영희","password":"wrong-wrong-wrong"})";
  EXPECT_EQ(harness.post("/users/login", wrong).status, 401);
  const Reply delayed = harness.post("/users/login", wrong);
  EXPECT_EQ(delayed.status, 429);
  EXPECT_EQ(delayed.code(), "rate_limited");
  EXPECT_TRUE(delayed.has("Retry-After"));
  EXPECT_TRUE(delayed.field("RateLimit").starts_with("\"failed-logins\";r=0;t="));
  // Others are not delayed; the right password is taken when the time has come.
  EXPECT_EQ(harness.post("/users/login", R"({"userName":"x","password":"wrong-wrong"})").status,
            401);
  harness.core.clock.advance_ms(1'100);
  EXPECT_EQ(
      harness.post("/users/login", R"({"userName":"영희","password":"korrekt-pferd-batterie"})")
          .status,
      200);
}

TEST(Login, TenTriesAMinuteAndAddress) {
  RestHarness harness;
  const auto attempt = [&](int i, const std::string& peer) {
    return harness.request(
        Method::kPost, "/users/login",
        R"({"userName":"u)" + std::to_string(i) + R"(","password":"wrong-wrong-wrong"})",
        {.peer = peer});
  };
  for (int i = 0; i < 10; ++i) EXPECT_EQ(attempt(i, "192.0.2.7").status, 401) << i;
  const Reply refused = attempt(10, "192.0.2.7");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.field("Retry-After"), "6");
  EXPECT_EQ(refused.field("RateLimit-Policy"), "\"logins\";q=10;w=60");
  EXPECT_EQ(refused.field("RateLimit"), "\"logins\";r=0;t=6");
  EXPECT_EQ(attempt(11, "192.0.2.8").status, 401);
}

TEST(Login, AStrangersFailuresDelayNobodyElsewhere) {
  RestHarness harness;
  harness.account("영희");
  const auto attempt = [&](const char* password, const char* peer) {
    return harness.request(Method::kPost, "/users/login",
                           R"({"userName":"영희","password":")" + std::string(password) + "\"}",
                           {.peer = peer});
  };
  EXPECT_EQ(attempt("wrong-wrong-wrong", "2001:db8::1").status, 401);
  EXPECT_EQ(attempt("wrong-wrong-wrong", "2001:db8::2").status, 429);
  EXPECT_EQ(attempt("korrekt-pferd-batterie", "198.51.100.7").status, 200);
}

TEST(Login, StrangersPasswordsTogetherHaveARateAndWaitForIt) {
  GatewayOptions options;
  options.password_hashes_burst = 3;
  options.rate_delay_max_ms = 100;
  RestHarness harness(options);
  const auto attempt = [&](int i) {
    return harness.request(Method::kPost, "/users/login",
                           R"({"userName":"u","password":"wrong-wrong-wrong"})",
                           {.peer = "192.0.2." + std::to_string(i)});
  };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(attempt(i).status, 401) << i;
  EXPECT_EQ(harness.delays_ms, (std::vector<std::int64_t>{50, 100}));
  const Reply refused = attempt(5);
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.field("RateLimit").starts_with("\"passwords\";r=0;t="));
  const auto failures = [&] { return harness.core.store.login_failures().size(); };
  EXPECT_EQ(failures(), 6u) << "five networks and the account";
  harness.core.clock.advance_ms(150);
  EXPECT_EQ(attempt(5).status, 401) << "the refused one was no failure";
}

// Whatever strangers ask for, who has logged in from there before gets in; a stranger to the
// account does not, though known to another one, and no account takes the whole share.
TEST(Login, WhoIsKnownHasAShareOfTheHashing) {
  GatewayOptions options;
  options.password_hashes_burst = 3;
  options.rate_delay_max_ms = 0;
  options.known_hashes_per_account_minute = 2;
  RestHarness harness(options);
  const auto owner = harness.account("영희");
  const auto attacker = harness.account("bob");
  harness.known_networks().remember(UserId::parse(owner.id).value(), "198.51.100.1");
  harness.known_networks().remember(UserId::parse(attacker.id).value(), "198.51.100.2");
  const auto log_in = [&](const char* name, const std::string& peer, const char* password) {
    return harness
        .request(Method::kPost, "/users/login",
                 R"({"userName":")" + std::string(name) + R"(","password":")" + password + "\"}",
                 {.peer = peer})
        .status;
  };
  const char* good = "korrekt-pferd-batterie";
  for (int i = 0; log_in("nobody", "192.0.2." + std::to_string(i), "wrong-wrong") != 429; ++i) {
    ASSERT_LT(i, 4);
  }
  EXPECT_EQ(log_in("영희", "198.51.100.3", good), 429);
  EXPECT_EQ(log_in("영희", "198.51.100.2", good), 429);
  EXPECT_EQ(log_in("영희", "198.51.100.1", good), 200);
  EXPECT_EQ(log_in("영희", "198.51.100.1", good), 200);
  EXPECT_EQ(log_in("영희", "198.51.100.1", good), 429) << "its part is taken";
  EXPECT_EQ(log_in("bob", "198.51.100.2", good), 200);
}

TEST(Login, WhereItLoggedInAnAccountIsKnown) {
  RestHarness harness;
  const auto owner = harness.account("영희");
  const std::string right = R"({"userName":"영희","password":"korrekt-pferd-batterie"})";
  const std::string wrong = R"({"userName":"영희","password":"wrong-wrong-wrong"})";
  const auto is_known = [&](const char* peer) {
    return harness.known_networks().contains(UserId::parse(owner.id).value(), peer);
  };
  EXPECT_EQ(harness.request(Method::kPost, "/users/login", wrong, {.peer = "203.0.113.1"}).status,
            401);
  EXPECT_FALSE(is_known("203.0.113.1"));
  EXPECT_EQ(harness.request(Method::kPost, "/users/login", right, {.peer = "203.0.113.2"}).status,
            200);
  EXPECT_TRUE(is_known("203.0.113.2"));
}

TEST(Login, ARefusalForWantOfRoomIsNoFailure) {
  RestHarness harness;
  harness.account("영희");
  HeldHasher held(harness.hasher());
  for (std::size_t i = 1; i < Hasher::kQueueMax; ++i) {
    ASSERT_TRUE(harness.hasher().hash(HashShare::kStrangers, Secret("x"), [](const std::string&) {
    })) << i;
  }
  for (int i = 0; i < 6; ++i) {
    const Reply full = harness.request(Method::kPost, "/users/login",
                                       R"({"userName":"영희","password":"korrekt-pferd-batterie"})",
                                       {.peer = "192.0.2.99"});
    EXPECT_EQ(full.status, 503) << i;
    EXPECT_EQ(full.code(), "overloaded");
  }
  EXPECT_TRUE(harness.core.store.login_failures().empty());
}

TEST(Login, ANameOfOlderRulesKeepsItsHolderAndGetsNoNewOne) {
  ASSERT_GE(sodium_init(), 0);
  const std::string password = "korrekt-pferd-batterie";
  char hash[crypto_pwhash_STRBYTES];
  ASSERT_EQ(crypto_pwhash_str_alg(hash, password.data(), password.size(), 1, 8192,
                                  crypto_pwhash_ALG_ARGON2ID13),
            0);
  RestHarness harness;
  const std::string with = R"(,"password":")" + password + "\"";
  const auto log_in = [&](const std::string& name, const std::string& more) {
    return harness.post("/users/login", R"({"userName":")" + name + "\"" + more + "}");
  };
  for (const std::string name : {"аdmin", "민수\u2800", "x\ue000"}) {
    SCOPED_TRACE(name);
    const std::string refused = name == "аdmin" ? "name_taken" : "validation_failed";
    EXPECT_EQ(log_in(name, with).code(), refused);
    ASSERT_TRUE(harness.core.run(chat::RegisterUser{name, text::fold_name(name), hash, {}}));
    EXPECT_EQ(log_in(name, with).status, 200);
    EXPECT_EQ(log_in(name, "").code(), refused);
  }
}

TEST(Login, AtTheSameTimeBothRenewAnOldHash) {
  ASSERT_GE(sodium_init(), 0);
  const std::string password = "korrekt-pferd-batterie";
  char old[crypto_pwhash_STRBYTES];
  ASSERT_EQ(crypto_pwhash_str_alg(old, password.data(), password.size(), 1, 8192,
                                  crypto_pwhash_ALG_ARGON2ID13),
            0);
  RestHarness harness;
  ASSERT_TRUE(harness.core.run(chat::RegisterUser{"영희", "영희", old, {}}));
  const std::string body = R"({"userName":"영희","password":")" + password + "\"}";
  // Both are queued before the first is answered, so both match the old hash.
  HeldHasher held(harness.hasher());
  auto first = harness.start(Method::kPost, "/users/login", body);
  auto second = harness.start(Method::kPost, "/users/login", body);
  held.go_on();
  EXPECT_EQ(first.get().status, 200);
  EXPECT_EQ(second.get().status, 200);
  EXPECT_TRUE(harness.core.store.users().begin()->second.password_hash.starts_with(
      "$argon2id$v=19$m=19456,"));
}

TEST(Login, APasswordThatChangedMeanwhileIsWrong) {
  RestHarness harness;
  const auto person = harness.account("영희");
  const chat::User before = harness.core.store.users().begin()->second;
  HeldHasher held(harness.hasher());
  auto login = harness.start(Method::kPost, "/users/login",
                             R"({"userName":"영희","password":"korrekt-pferd-batterie"})");
  const SessionId session = harness.core.store.sessions().begin()->first;
  ASSERT_TRUE(harness.core.run(
      chat::SetPassword{before.id, session, before.password_hash, "$argon2id$nonsense"}));
  held.go_on();
  const Reply reply = login.get();
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.code(), "invalid_credentials");
}

TEST(Register, MakesAnAccount) {
  RestHarness harness;
  const Reply reply = harness.post("/api/users/register",
                                   R"({"userName":"영희","password":"korrekt-pferd-batterie"})");
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(Reply::keys(reply.body), kLoginKeys);
  EXPECT_EQ(reply.string("accountType"), "account");
  EXPECT_EQ(
      harness
          .post("/api/users/register", R"({"userName":"영희","password":"korrekt-pferd-batterie"})")
          .code(),
      "name_taken");
  const auto& users = harness.core.store.users();
  EXPECT_TRUE(users.begin()->second.password_hash.starts_with("$argon2id$"));
}

TEST(Register, PasswordsHaveTheirBounds) {
  RestHarness harness;
  const auto rule = [&](const std::string& password) {
    GatewayOptions options;
    RestHarness fresh(options);
    const Reply reply =
        fresh.post("/api/users/register", R"({"userName":"영희","password":")" + password + "\"}");
    if (reply.status == 201) return std::string("ok");
    return std::string(reply.body["errors"].at(0)["code"].as_string().value_or("none"));
  };
  EXPECT_EQ(rule("x7Kq-2v"), "too_short");
  EXPECT_EQ(rule("x7Kq-2vB"), "ok");
  EXPECT_EQ(rule("비밀번호다여섯일"), "ok");
  std::string long_one;
  for (int i = 0; long_one.size() < 128; ++i) long_one += std::to_string(i * 7919);
  long_one.resize(128);
  EXPECT_EQ(rule(long_one), "ok");
  EXPECT_EQ(rule(long_one + "x"), "too_long");
  EXPECT_EQ(rule(std::string(5'000, 'x')), "too_long");
  EXPECT_EQ(rule("password123"), "too_common");
  EXPECT_EQ(harness.post("/api/users/register", R"({"userName":"영희"})").code(),
            "validation_failed");
}

TEST(Password, CommonOnesAreRefused) {
  for (const char* password :
       {"password",     "Password1",    "P@ssw0rd",     "p4$$w0rd!",   "12345678", "123456789",
        "87654321",     "qwerty123",    "qwertyuiop",   "1q2w3e4r",    "1qaz2wsx", "zaq12wsx",
        "abcdefgh",     "abc12345",     "iloveyou",     "ILoveYou!",   "sunshine", "princess1",
        "football",     "baseball",     "superman",     "trustno1",    "letmein!", "welcome1",
        "monkey123",    "dragon2024",   "michael1",     "11111111",    "aaaaaaaa", "abcabcabc",
        "12341234",     "00000000",     "starwars",     "asdfghjkl",   "asdf1234", "qwer1234",
        "1234qwer",     "admin123",     "changeme",     "computer",    "whatever", "master123456",
        "passw0rd2023", "비밀번호1234", "사랑해사랑해", "영희영희영희"}) {
    EXPECT_TRUE(rest::is_common_password(password, "영희")) << password;
  }
}

TEST(Password, EveryOneOfTheListIsRefused) {
  std::string_view lines = rest::common_passwords();
  ASSERT_TRUE(lines.ends_with('\n'));
  std::string_view last;
  std::size_t count = 0;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(line.size() + 1);
    ASSERT_LT(last, line) << "the search needs them sorted";
    ASSERT_GE(line.size(), 8u) << line;
    EXPECT_TRUE(rest::is_common_password(line, "영희")) << line;
    last = line;
    ++count;
  }
  EXPECT_GE(count, 3'000u);
  // Of ranks from 1 to 3,000, which no rule but the list knows.
  for (const char* password :
       {"hardcore", "Samantha", "CORVETTE", "blink182", "usmc0311", "l58jkdjp!", "homelesspa",
        "redneck1", "h@rdcore", "0.0.0.000", "zzzzzzzz", "target123"}) {
    EXPECT_TRUE(rest::is_common_password(password, "영희")) << password;
  }
}

TEST(Password, GoodOnesAreTaken) {
  for (const char* password : {"kettle-orbit-91",
                               "Sommer regnet Blech",
                               "vier.kleine.Enten",
                               "qX3!uu8#",
                               "hopscotch under neon",
                               "j7Rw-m2Kd-pp4",
                               "graue Wolke 17b",
                               "nine tin whistles",
                               "오늘은 비가 온다네",
                               "Brücke-über-Fluss",
                               "purple! teapot? 5",
                               "m0untain-goat-parade",
                               "correct horse battery staple",
                               "korrekt-pferd-batterie",
                               "x7Kq-2vB",
                               "tr0ub4dor&3",
                               "dragon 83610472 tea",
                               "마루에서 만나자 오후 세 시",
                               "Zq8!mfp2",
                               "vCw7nQ2k",
                               "my cat eats tuna at 5",
                               "94027561"}) {
    EXPECT_FALSE(rest::is_common_password(password, "영희")) << password;
  }
  EXPECT_TRUE(rest::is_common_password("Kim Minsu", "kim minsu"));
}

TEST(Logout, EndsTheSessionAndTheGuestWithIt) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  const Reply reply = harness.post("/api/users/logout", R"({"userName":"x"})", person.token);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.text, R"({"message":"Logout successful"})");
  EXPECT_TRUE(reply.field("Set-Cookie").starts_with("maru=; "));
  EXPECT_EQ(harness.get("/api/users/me", person.token).status, 401);
  const auto again = harness.guest("민수");
  EXPECT_NE(again.id, person.id);
  const Reply ended = harness.get("/api/users/" + person.id, again.token);
  EXPECT_EQ(ended.status, 200);
  EXPECT_FALSE(ended.body["deletedAt"].is_null());
  EXPECT_NE(ended.string("userName"), "민수");
}

TEST(Profile, LastSeenIsToldToWhoSharesAChatAndToOneself) {
  RestHarness harness;
  const auto seen = harness.guest("seen");
  const auto friendly = harness.guest("friendly");
  const auto stranger = harness.guest("stranger");
  harness.group(seen, "마루방", {friendly.id});
  harness.personal(friendly, stranger);
  chat::TouchActivity touch;
  touch.users.emplace_back(*UserId::parse(seen.id), harness.core.clock.wall());
  ASSERT_TRUE(harness.core.run(touch));
  const std::string path = "/api/users/" + seen.id;
  const std::string at = to_rfc3339(harness.core.clock.wall());
  EXPECT_EQ(harness.get(path, friendly.token).string("lastSeenAt"), at);
  EXPECT_EQ(harness.get(path, seen.token).string("lastSeenAt"), at);
  EXPECT_EQ(harness.get("/api/users/me", seen.token).string("lastSeenAt"), at);
  const Reply hidden = harness.get(path, stranger.token);
  EXPECT_EQ(hidden.string("userName"), "seen");
  EXPECT_TRUE(hidden.body["lastSeenAt"].is_null());
  EXPECT_EQ(Reply::keys(hidden.body), kUserKeys);
}

TEST(Me, ShowsTheProfile) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  const Reply me = harness.get("/api/users/me", person.token);
  EXPECT_EQ(me.status, 200);
  EXPECT_EQ(Reply::keys(me.body), kUserKeys);
  const auto other = harness.guest("영희");
  EXPECT_EQ(harness.get("/api/users/" + person.id, other.token).text, me.text);
  EXPECT_EQ(harness.get("/api/users/0123456789abcdef01234567", other.token).status, 404);
  EXPECT_EQ(harness.get("/api/users/abc", other.token).code(), "validation_failed");
}

TEST(Me, AGuestSetsAPasswordAndAnAccountChangesIt) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  const auto patch = [&](const std::string& body, const std::string& token) {
    return harness.request(Method::kPatch, "/api/users/me", body, {.token = token});
  };
  const Reply first = patch(R"({"password":"korrekt-pferd-batterie"})", person.token);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(Reply::keys(first.body), kUserKeys);
  EXPECT_EQ(first.string("_id"), person.id);
  EXPECT_EQ(first.string("accountType"), "account");

  const Reply second_device =
      harness.post("/users/login", R"({"userName":"민수","password":"korrekt-pferd-batterie"})");
  ASSERT_EQ(second_device.status, 200);
  EXPECT_EQ(patch(R"({"password":"zweites-pferd-links"})", person.token).code(),
            "validation_failed");
  EXPECT_EQ(patch(R"({"password":"zweites-pferd-links","currentPassword":"falsch"})", person.token)
                .code(),
            "invalid_credentials");
  EXPECT_EQ(patch(R"({"password":"zweites-pferd-links","currentPassword":"falsch"})", person.token)
                .status,
            429);
  harness.core.clock.advance_ms(1'100);
  EXPECT_EQ(patch(R"({"password":"zweites-pferd-links",)"
                  R"("currentPassword":"korrekt-pferd-batterie"})",
                  person.token)
                .status,
            200);
  // Every other session has ended.
  EXPECT_EQ(harness.get("/api/users/me", second_device.string("token")).status, 401);
  EXPECT_EQ(harness.get("/api/users/me", person.token).status, 200);
}

TEST(Me, OfManyGuessesAtOnceAFewAreLookedAt) {
  GatewayOptions options;
  options.password_changes_per_user_minute = 1'000;
  options.logins_per_ip_minute = 1'000;
  RestHarness harness(options);
  const auto person = harness.account("영희");
  std::vector<std::future<Reply>> answers;
  for (int i = 0; i < 60; ++i) {
    answers.push_back(
        harness.start(Method::kPatch, "/api/users/me",
                      R"({"password":"zweites-pferd-links","currentPassword":"falsch"})",
                      {.token = person.token}));
  }
  int looked_at = 0;
  int delayed = 0;
  for (auto& answer : answers) {
    const Reply reply = answer.get();
    looked_at += reply.code() == "invalid_credentials";
    delayed += reply.code() == "rate_limited";
  }
  EXPECT_LE(looked_at, 4);
  EXPECT_EQ(looked_at + delayed, 60);
  // A login from the same network meets the same counter.
  EXPECT_EQ(
      harness.post("/users/login", R"({"userName":"영희","password":"falsch-falsch"})").status,
      429);
}

TEST(Me, PasswordChangesHaveARate) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  std::string current;
  const auto change = [&](const std::string& to) {
    const Reply reply =
        harness.request(Method::kPatch, "/api/users/me",
                        R"({"password":")" + to + R"(","currentPassword":")" + current + "\"}",
                        {.token = person.token});
    current = to;
    return reply;
  };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(change("pferd-links-" + std::to_string(i)).status, 200);
  const Reply refused = change("pferd-links-5");
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.field("RateLimit").starts_with("\"password-changes\";r=0;t="));
  EXPECT_TRUE(refused.has("Retry-After"));
}

TEST(Me, BadPasswordBodies) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  for (const char* body :
       {"{}", R"({"password":1})", R"({"password":null})", R"({"password":"short"})",
        R"({"password":"password1"})", R"({"password":"korrekt-pferd","currentPassword":1})"}) {
    const Reply reply =
        harness.request(Method::kPatch, "/api/users/me", body, {.token = person.token});
    EXPECT_EQ(reply.code(), "validation_failed") << body;
  }
}

TEST(Sessions, AreListedAndRevoked) {
  RestHarness harness;
  const auto account = harness.account("영희");
  const Reply second = harness.request(
      Method::kPost, "/users/login", R"({"userName":"영희","password":"korrekt-pferd-batterie"})",
      {.fields = {{"user-agent", "Phone\x01 \xff" + std::string(400, 'x')}}});
  ASSERT_EQ(second.status, 200);
  const Reply list = harness.get("/api/users/me/sessions", account.token);
  EXPECT_EQ(Reply::keys(list.body), "sessions");
  ASSERT_EQ(list.body["sessions"].size(), 2u);
  int current = 0;
  std::string other;
  list.body["sessions"].for_each_element([&](const json::Value& session) {
    EXPECT_EQ(Reply::keys(session), "id,createdAt,lastUsedAt,userAgent,current");
    if (session["current"].as_bool().value_or(false)) {
      ++current;
    } else {
      other = session["id"].as_string().value_or("");
      EXPECT_EQ(session["userAgent"].as_string()->size(), 256u);
      EXPECT_TRUE(session["userAgent"].as_string()->starts_with("Phone xxx"));
    }
  });
  EXPECT_EQ(current, 1);
  const auto revoke = [&](const std::string& id, const std::string& token) {
    return harness.request(Method::kDelete, "/api/users/me/sessions/" + id, {}, {.token = token});
  };
  const auto stranger = harness.guest("민수");
  EXPECT_EQ(revoke(other, stranger.token).status, 404);
  EXPECT_EQ(revoke("abc", account.token).status, 400);
  const Reply gone = revoke(other, account.token);
  EXPECT_EQ(gone.status, 204);
  EXPECT_TRUE(gone.text.empty());
  EXPECT_FALSE(gone.has("Set-Cookie"));
  EXPECT_EQ(harness.get("/api/users/me", second.string("token")).status, 401);
  EXPECT_EQ(revoke(other, account.token).status, 404);
}

TEST(Sessions, UseIsToldOnceAMinute) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  harness.core.clock.advance_ms(59'999);
  EXPECT_EQ(harness.get("/api/users/me", person.token).status, 200);
  EXPECT_TRUE(harness.touches.empty());
  harness.core.clock.advance_ms(1);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(harness.get("/api/users/me", person.token).status, 200);
  ASSERT_EQ(harness.touches.size(), 1u);
  EXPECT_EQ(harness.touches[0].sessions.size(), 1u);
  harness.core.clock.advance_ms(60'000);
  EXPECT_EQ(harness.get("/api/users/me", person.token).status, 200);
  EXPECT_EQ(harness.touches.size(), 2u);
}

TEST(Search, FindsPartsAndInitials) {
  RestHarness harness;
  const auto kim = harness.guest("김현");
  harness.guest("박현우");
  const auto find = [&](const std::string& query) {
    return harness.get("/users/search?query=" + query, kim.token);
  };
  const Reply both = find("%ED%98%84");  // 현
  EXPECT_EQ(both.status, 200);
  ASSERT_EQ(both.body.size(), 2u);
  EXPECT_EQ(Reply::keys(both.body.at(0)), "_id,userName,active,id");
  EXPECT_EQ(find("%E3%84%B1%E3%85%8E").body.size(), 1u);  // ㄱㅎ
  EXPECT_EQ(find("%ED%98%84&limit=1").body.size(), 1u);
  EXPECT_EQ(find("%ED%98%84&limit=-5").body.size(), 1u);
  for (const char* empty : {"", "(", "(a%2B)%2B$", ".*", "%24ne", "%00", "%20%20", "[", "\\"}) {
    const Reply reply = find(empty);
    EXPECT_EQ(reply.status, 200) << empty;
    EXPECT_EQ(reply.text, "[]") << empty;
  }
  EXPECT_EQ(find("%ff").status, 400);
  EXPECT_EQ(find("a&limit=x").status, 400);
  EXPECT_EQ(find(std::string(100'000, 'a')).text, "[]");
  EXPECT_EQ(harness.get("/users/search", kim.token).text, "[]");
}

TEST(OnlineUsers, AreThoseWithConnections) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  EXPECT_EQ(harness.get("/users", person.token).text, "[]");
}

}  // namespace
}  // namespace maru::gateway::testing
