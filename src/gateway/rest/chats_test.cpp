// Chats and messages over REST in accounts mode.
#include <gtest/gtest.h>

#include <ostream>

#include "gateway/testing/rest_harness.hpp"

namespace maru::gateway::testing {
namespace {

using net::Method;

constexpr const char* kChatKeys =
    "_id,id,chatName,number,active,isPersonal,owner,users,newMessages,deletedAt,createdAt,"
    "updatedAt,__v";
constexpr const char* kMessageKeys =
    "_id,id,chatId,chatNumber,from,fromUserName,to,toUserName,content,sequence,type,clientMsgId,"
    "system,createdAt,updatedAt,editedAt,deletedAt,__v";

class ChatsTest : public ::testing::Test {
 protected:
  static GatewayOptions without_limits() {
    GatewayOptions options;
    options.rate_limits = false;
    return options;
  }
  Reply send(const std::string& chat, const std::string& body) {
    return harness_.post("/api/messages/" + chat, body, a_.token);
  }
  RestHarness harness_{without_limits()};
  RestHarness::Person a_ = harness_.guest("민수");
  RestHarness::Person b_ = harness_.guest("영희");
};

TEST_F(ChatsTest, AGroupIsMadeWithItsMembers) {
  const Reply made = harness_.post(
      "/chats", R"({"chatName":" 마루  방 ","isPersonal":false,"users":[")" + b_.id + "\"]}",
      a_.token);
  EXPECT_EQ(made.status, 200);
  EXPECT_EQ(Reply::keys(made.body), kChatKeys);
  EXPECT_EQ(made.string("owner"), a_.id);
  EXPECT_EQ(made.body["users"].size(), 2u);
  EXPECT_EQ(made.body["number"].as_integer(), 1);
  EXPECT_EQ(made.body["isPersonal"].as_bool(), false);
  EXPECT_EQ(made.body["active"].as_bool(), true);
}

TEST_F(ChatsTest, AOneToOneIsUnique) {
  const std::string first = harness_.personal(a_, b_);
  EXPECT_EQ(harness_.personal(b_, a_), first);
  const Reply made = harness_.post(
      "/chats", R"({"isPersonal":true,"users":[")" + a_.id + "\",\"" + b_.id + "\"]}", a_.token);
  EXPECT_EQ(made.string("_id"), first);
  EXPECT_EQ(made.string("chatName"), "민수, 영희");
  for (const std::string& users : {std::string("[]"), "[\"" + a_.id + "\"]"}) {
    const Reply bad =
        harness_.post("/chats", R"({"isPersonal":true,"users":)" + users + "}", a_.token);
    EXPECT_EQ(bad.code(), "validation_failed") << users;
  }
}

TEST_F(ChatsTest, BadCreateBodies) {
  for (const char* body :
       {"{}", R"({"chatName":"x"})", R"({"chatName":"x","users":"abc"})",
        R"({"chatName":"x","users":["abc"]})", R"({"chatName":"x","users":[1]})",
        R"({"chatName":"x","users":[{"$ne":null}]})", R"({"chatName":1,"users":[]})",
        R"({"chatName":"","users":[]})", R"({"chatName":"   ","users":[]})", R"({"users":[]})",
        R"({"chatName":"x","users":[],"isPersonal":"yes"})", R"({"chatName":"x\u0000","users":[]})",
        R"({"chatName":"x\u0007","users":[]})"}) {
    const Reply reply = harness_.post("/chats", body, a_.token);
    EXPECT_EQ(reply.status, 400) << body;
  }
  const std::string name(101, 'x');
  EXPECT_EQ(
      harness_.post("/chats", R"({"chatName":")" + name + R"(","users":[]})", a_.token).status,
      400);
  EXPECT_EQ(
      harness_.post("/chats", R"({"chatName":"x","users":["0123456789abcdef01234567"]})", a_.token)
          .code(),
      "not_found");
}

TEST_F(ChatsTest, AnIdempotencyKeyGivesTheSameChat) {
  const auto make = [&](const std::string& name, const std::string& key) {
    return harness_.request(Method::kPost, "/api/chats",
                            R"({"chatName":")" + name + R"(","users":[]})",
                            {.token = a_.token, .fields = {{"idempotency-key", key}}});
  };
  const Reply first = make("x", "\"k-1\"");
  EXPECT_EQ(make("x", "k-1").string("_id"), first.string("_id"));
  EXPECT_EQ(make("y", "k-1").code(), "idempotency_conflict");
  EXPECT_EQ(make("y", "k 1").code(), "validation_failed");
  EXPECT_EQ(make("y", std::string(65, 'k')).code(), "validation_failed");
}

TEST_F(ChatsTest, PublicGroupsComeInPages) {
  for (int i = 1; i <= 8; ++i) harness_.group(a_, "방" + std::to_string(i));
  harness_.personal(a_, b_);
  const Reply page = harness_.get("/chats?page=2", b_.token);
  EXPECT_EQ(Reply::keys(page.body), "chats,totalPages,currentPage");
  EXPECT_EQ(page.body["totalPages"].as_integer(), 2);
  EXPECT_EQ(page.body["currentPage"].as_integer(), 2);
  ASSERT_EQ(page.body["chats"].size(), 2u);
  EXPECT_EQ(Reply::keys(page.body["chats"].at(0)), kChatKeys);
  EXPECT_EQ(Reply::keys(page.body["chats"].at(0)["owner"]), "_id,userName,id");
  EXPECT_EQ(page.body["chats"].at(1)["number"].as_integer(), 1);
  // Limits clamp.
  EXPECT_EQ(harness_.get("/chats?page=0&limit=0", b_.token).body["chats"].size(), 1u);
  EXPECT_EQ(harness_.get("/chats?page=-3&limit=1000", b_.token).body["chats"].size(), 8u);
  EXPECT_EQ(harness_.get("/chats?page=99999999999999999999999", b_.token).body["chats"].size(), 0u);
  EXPECT_EQ(harness_.get("/chats?page=&limit=", b_.token).body["chats"].size(), 6u);
  for (const char* bad : {"page=x", "limit=1.5", "page=1e3", "limit=%00", "page=--1", "page=-"}) {
    EXPECT_EQ(harness_.get("/chats?" + std::string(bad), b_.token).code(), "validation_failed")
        << bad;
  }
}

TEST_F(ChatsTest, OnesOwnListsAreShownToOneself) {
  harness_.group(a_, "방", {b_.id});
  harness_.personal(a_, b_);
  const Reply personal = harness_.get("/chats/one-to-one/" + a_.id, a_.token);
  EXPECT_EQ(Reply::keys(personal.body), "chats,totalPages,currentPage");
  ASSERT_EQ(personal.body["chats"].size(), 1u);
  EXPECT_EQ(personal.body["chats"].at(0)["isPersonal"].as_bool(), true);
  const Reply groups = harness_.get("/api/chats/group/" + b_.id, b_.token);
  ASSERT_TRUE(groups.body.is_array());
  ASSERT_EQ(groups.body.size(), 1u);
  EXPECT_EQ(Reply::keys(groups.body.at(0)), kChatKeys);
  EXPECT_EQ(groups.body.at(0)["owner"]["userName"].as_string(), "민수");
  for (const char* path : {"/chats/one-to-one/abc", "/chats/group/abc", "/chats/group/%00",
                           "/chats/one-to-one/0123456789abcdef0123456g"}) {
    EXPECT_EQ(harness_.get(path, a_.token).code(), "validation_failed") << path;
  }
}

TEST_F(ChatsTest, AChatIsFoundByItsNumber) {
  const std::string chat = harness_.group(a_);
  const Reply found = harness_.get("/chats/1", b_.token);
  EXPECT_EQ(Reply::keys(found.body), "_id,users,isPersonal,chatName,id");
  EXPECT_EQ(found.string("_id"), chat);
  for (const char* none : {"0", "2", "99999999999999999999999"}) {
    const Reply reply = harness_.get("/chats/" + std::string(none), b_.token);
    EXPECT_EQ(reply.status, 200) << none;
    EXPECT_EQ(reply.text, "null") << none;
  }
  for (const char* bad : {"abc", "-1", "1.0", "1e1", "%201", "0x1", "$ne", "1;", "%00"}) {
    EXPECT_EQ(harness_.get("/chats/" + std::string(bad), b_.token).code(), "validation_failed")
        << bad;
  }
}

TEST_F(ChatsTest, JoiningAndLeaving) {
  const std::string chat = harness_.group(a_);
  const Reply joined = harness_.post("/api/chats/" + chat + "/join", "", b_.token);
  EXPECT_EQ(joined.status, 201);
  EXPECT_EQ(Reply::keys(joined.body), "chat,sequence");
  EXPECT_EQ(Reply::keys(joined.body["chat"]), kChatKeys);
  EXPECT_EQ(joined.body["sequence"].as_integer(), 1);
  EXPECT_EQ(joined.body["chat"]["users"].size(), 2u);
  const Reply again = harness_.post("/api/chats/" + chat + "/join", "{}", b_.token);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body["sequence"].as_integer(), 1);
  const Reply left = harness_.post("/api/chats/" + chat + "/leave", "", b_.token);
  EXPECT_EQ(left.status, 201);
  EXPECT_EQ(left.text, R"({"left":true,"sequence":2})");
  const Reply twice = harness_.post("/api/chats/" + chat + "/leave", "", b_.token);
  EXPECT_EQ(twice.status, 200);
  EXPECT_EQ(twice.text, R"({"left":false,"sequence":null})");
  const Reply history = harness_.get("/messages/" + chat, b_.token);
  ASSERT_EQ(history.body.size(), 2u);
  const json::Value record = history.body.at(0);
  EXPECT_EQ(Reply::keys(record), kMessageKeys);
  EXPECT_EQ(record["type"].as_string(), "system");
  EXPECT_TRUE(record["from"].is_null());
  EXPECT_TRUE(record["to"].is_null());
  EXPECT_EQ(record["content"].as_string(), "입장");
  EXPECT_EQ(Reply::keys(record["system"]), "event,userId,memberCount");
  EXPECT_EQ(harness_.post("/api/chats/abc/join", "", b_.token).code(), "validation_failed");
  const std::string personal = harness_.personal(a_, b_);
  EXPECT_EQ(harness_.post("/api/chats/" + personal + "/leave", "", b_.token).code(), "forbidden");
}

TEST_F(ChatsTest, TheHundredAndFirstMemberIsRefused) {
  const std::string chat = harness_.group(a_);
  for (int i = 2; i <= 100; ++i) {
    const auto person = harness_.guest("손님" + std::to_string(i));
    ASSERT_EQ(harness_.post("/api/chats/" + chat + "/join", "", person.token).status, 201);
  }
  const Reply full = harness_.post("/api/chats/" + chat + "/join", "", b_.token);
  EXPECT_EQ(full.status, 409);
  EXPECT_EQ(full.code(), "chat_full");
}

TEST_F(ChatsTest, MoreUsersThanAGroupHoldsAreChatFullHoweverMany) {
  std::vector<std::string> ids;
  for (int i = 0; i < 300; ++i) ids.push_back(harness_.guest("손님" + std::to_string(i)).id);
  const auto create = [&](std::size_t count, const char* is_personal) {
    std::string users;
    for (std::size_t i = 0; i < count; ++i) users += (i == 0 ? "\"" : ",\"") + ids[i] + '"';
    return harness_.post("/chats",
                         R"({"chatName":"x","isPersonal":)" + std::string(is_personal) +
                             R"(,"users":[)" + users + "]}",
                         a_.token);
  };
  EXPECT_EQ(create(99, "false").body["users"].size(), 100u);  // with the caller
  for (const std::size_t count : {100, 101, 102, 300}) {
    const Reply full = create(count, "false");
    EXPECT_EQ(full.status, 409) << count;
    EXPECT_EQ(full.code(), "chat_full") << count;
  }
  EXPECT_EQ(create(300, "true").code(), "validation_failed");
}

TEST_F(ChatsTest, AMessageIsSentOnce) {
  const std::string chat = harness_.group(a_);
  const Reply sent = send(chat, R"({"content":"안녕\r\n하세요","clientMsgId":"m-1"})");
  EXPECT_EQ(sent.status, 201);
  EXPECT_EQ(Reply::keys(sent.body), kMessageKeys);
  EXPECT_EQ(sent.string("content"), "안녕\n하세요");
  EXPECT_EQ(sent.string("clientMsgId"), "m-1");
  EXPECT_EQ(sent.string("from"), a_.id);
  const Reply again = send(chat, R"({"content":"안녕\r\n하세요","clientMsgId":"m-1"})");
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(Reply::keys(again.body), std::string(kMessageKeys) + ",duplicate");
  EXPECT_EQ(again.string("_id"), sent.string("_id"));
  const Reply other = send(chat, R"({"content":"다른","clientMsgId":"m-1"})");
  EXPECT_EQ(other.status, 409);
  EXPECT_EQ(other.code(), "idempotency_conflict");
}

TEST_F(ChatsTest, BadMessages) {
  const std::string chat = harness_.group(a_);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{}", "validation_failed"},
      {R"({"content":null})", "validation_failed"},
      {R"({"content":1})", "not_text"},
      {R"({"content":{"$ne":null}})", "not_text"},
      {R"({"content":["x"]})", "not_text"},
      {R"({"content":"a\u0007b"})", "not_text"},
      {R"({"content":"a\u0000b"})", "not_text"},
      {R"({"content":"\u0000"})", "not_text"},
      {R"({"content":""})", "message_blank"},
      {R"({"content":" \n\t"})", "message_blank"},
      {R"({"content":"\u3164\u200b"})", "message_blank"},
      {R"({"content":")" + std::string(1'001, 'x') + "\"}", "message_too_long"},
      {R"({"content":")" + std::string(20'000, 'x') + "\"}", "message_too_long"},
      {R"({"content":"\ud800"})", "invalid_json"},
      {R"({"content":"x","clientMsgId":1})", "validation_failed"},
      {R"({"content":"x","clientMsgId":""})", "validation_failed"},
      {R"({"content":"x","clientMsgId":"a b"})", "validation_failed"},
      {R"({"content":"x","clientMsgId":")" + std::string(65, 'x') + "\"}", "validation_failed"}};
  for (const auto& [body, code] : cases) {
    const Reply reply = send(chat, body);
    EXPECT_EQ(reply.status, 400) << body.substr(0, 80);
    EXPECT_EQ(reply.code(), code) << body.substr(0, 80);
  }
  EXPECT_EQ(send("abc", R"({"content":"x"})").code(), "validation_failed");
  EXPECT_EQ(send("0123456789abcdef01234567", R"({"content":"x"})").code(), "not_found");
  EXPECT_EQ(send(chat, R"({"content":")" + std::string(1'000, 'x') + "\"}").status, 201);
  // NFD Hangul at the bound: 1,000 syllables of three jamo each are 1,000 code points in NFC.
  std::string nfd;
  for (int i = 0; i < 1'000; ++i) nfd += "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab";
  EXPECT_EQ(send(chat, R"({"content":")" + nfd + "\"}").status, 201);
  EXPECT_EQ(send(chat, R"({"content":"x)" + nfd + "\"}").code(), "message_too_long");
}

TEST_F(ChatsTest, HistoryComesInPages) {
  const std::string chat = harness_.group(a_);
  for (int i = 1; i <= 10; ++i) {
    ASSERT_EQ(send(chat, R"({"content":"x"})").status, 201);
  }
  const auto page = [&](const std::string& query) {
    const Reply reply = harness_.get("/messages/" + chat + "?" + query, a_.token);
    EXPECT_EQ(reply.status, 200) << query;
    return reply.field("X-First-Sequence") + "-" + reply.field("X-Last-Sequence") + " " +
           reply.field("X-Has-More") + " " + std::to_string(reply.body.size());
  };
  EXPECT_EQ(page(""), "1-10 false 10");
  EXPECT_EQ(page("limit=3"), "8-10 true 3");
  EXPECT_EQ(page("before=4&limit=10"), "1-3 false 3");
  EXPECT_EQ(page("before=4&limit=2"), "2-3 true 2");
  EXPECT_EQ(page("after=4&limit=2"), "5-6 true 2");
  EXPECT_EQ(page("after=8"), "9-10 false 2");
  EXPECT_EQ(page("after=10"), "0-0 false 0");
  EXPECT_EQ(page("after=0"), "1-10 false 10");
  EXPECT_EQ(page("before=1"), "0-0 false 0");
  EXPECT_EQ(page("limit=0"), "10-10 true 1");
  EXPECT_EQ(page("limit=99999"), "1-10 false 10");
  EXPECT_EQ(page("after=99999999999999999999"), "0-0 false 0");
  EXPECT_EQ(page("around=5&limit=3").substr(4), "true 3");
  for (const char* bad : {"before=x", "before=1&after=2", "limit=x", "around=1.5", "after=%00"}) {
    EXPECT_EQ(harness_.get("/messages/" + chat + "?" + bad, a_.token).code(), "validation_failed")
        << bad;
  }
  EXPECT_EQ(harness_.get("/messages/abc", a_.token).code(), "validation_failed");
  EXPECT_EQ(harness_.get("/messages/0123456789abcdef01234567", a_.token).code(), "not_found");
}

TEST_F(ChatsTest, MyChatsHaveTheirLastMessage) {
  const std::string chat = harness_.group(a_, "방", {b_.id});
  const std::string personal = harness_.personal(a_, b_);
  ASSERT_EQ(send(chat, R"({"content":"끝"})").status, 201);
  const Reply first = harness_.get("/api/chats/mine?limit=1", a_.token);
  EXPECT_EQ(Reply::keys(first.body), "chats,cursor");
  ASSERT_EQ(first.body["chats"].size(), 1u);
  EXPECT_EQ(Reply::keys(first.body["chats"].at(0)),
            std::string(kChatKeys) + ",lastSequence,lastMessage,members");
  ASSERT_TRUE(first.body["cursor"].as_string());
  const Reply second = harness_.get("/api/chats/mine?cursor=" + first.string("cursor"), a_.token);
  ASSERT_EQ(second.body["chats"].size(), 1u);
  EXPECT_TRUE(second.body["cursor"].is_null());
  const Reply all = harness_.get("/api/chats/mine", b_.token);
  ASSERT_EQ(all.body["chats"].size(), 2u);
  all.body["chats"].for_each_element([&](const json::Value& mine) {
    const bool is_group = mine["_id"].as_string() == chat;
    EXPECT_EQ(mine["lastSequence"].as_integer(), is_group ? 1 : 0);
    EXPECT_EQ(mine["lastMessage"].is_null(), !is_group);
    if (is_group) {
      EXPECT_EQ(Reply::keys(mine["lastMessage"]), kMessageKeys);
    }
    ASSERT_EQ(mine["members"].size(), 2u);
    EXPECT_EQ(Reply::keys(mine["members"].at(0)), "_id,userName,id,role,active");
  });
  EXPECT_EQ(harness_.get("/api/chats/mine?cursor=x", a_.token).code(), "validation_failed");
  EXPECT_EQ(harness_.get("/api/chats/mine?limit=x", a_.token).code(), "validation_failed");
}

// How a row of requests fared: at once, put off and answered then, refused.
struct Fared {
  int at_once = 0;
  int later = 0;
  int refused = 0;
  bool operator==(const Fared&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Fared& fared) {
  return out << fared.at_once << " at once, " << fared.later << " later, " << fared.refused
             << " refused";
}

template <class Send>
Fared count(RestHarness& harness, int requests, int success, Send send) {
  Fared fared;
  for (int i = 0; i < requests; ++i) {
    harness.delays_ms.clear();
    const Reply reply = send();
    if (reply.status == 429) {
      ++fared.refused;
      EXPECT_TRUE(harness.delays_ms.empty());
      continue;
    }
    EXPECT_EQ(reply.status, success) << reply.text;
    ++(harness.delays_ms.empty() ? fared.at_once : fared.later);
    for (const std::int64_t delay : harness.delays_ms) EXPECT_LE(delay, 5'000);
  }
  return fared;
}

TEST(ChatRates, MessagesOfAUserAreReadLaterThenRefused) {
  RestHarness harness;  // 10 a second, 20 at once, later up to 5 s
  const auto person = harness.guest("민수");
  const std::string chat = harness.group(person);
  const auto send = [&] {
    return harness.post("/api/messages/" + chat, R"({"content":"x"})", person.token);
  };
  EXPECT_EQ(count(harness, 80, 201, send), (Fared{20, 50, 10}));
  const Reply refused = send();
  EXPECT_EQ(refused.code(), "rate_limited");
  EXPECT_EQ(refused.field("Retry-After"), "6");
  EXPECT_EQ(refused.field("RateLimit-Policy"), "\"user-messages\";q=20;w=2");
  EXPECT_EQ(harness.get("/messages/" + chat, person.token).field("X-Last-Sequence"), "70");
}

TEST(ChatRates, HistoryJoinsAndNewChatsAreReadLaterThenRefused) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  const std::string chat = harness.group(person);  // takes one of the joins
  EXPECT_EQ(
      count(harness, 101, 200, [&] { return harness.get("/messages/" + chat, person.token); }),
      (Fared{50, 50, 1}));
  EXPECT_EQ(count(harness, 20, 200,
                  [&] { return harness.post("/api/chats/" + chat + "/join", "", person.token); }),
            (Fared{19, 1, 0}));
  EXPECT_EQ(
      count(harness, 26, 200,
            [&] { return harness.post("/chats", R"({"chatName":"x","users":[]})", person.token); }),
      (Fared{0, 24, 2}));
}

TEST(ChatRates, ARefusalOfTheChatCostsTheUserNothing) {
  GatewayOptions options;
  options.messages_per_room = 1;
  options.messages_per_room_burst = 1;
  options.rate_delay_max_ms = 0;
  RestHarness harness(options);
  const auto person = harness.guest("민수");
  const std::string busy = harness.group(person);
  const auto send = [&](const std::string& chat) {
    return harness.post("/api/messages/" + chat, R"({"content":"x"})", person.token).status;
  };
  EXPECT_EQ(send(busy), 201);
  for (int i = 0; i < 40; ++i) ASSERT_EQ(send(busy), 429);
  for (int i = 0; i < 19; ++i) EXPECT_EQ(send(harness.group(person)), 201) << i;
}

}  // namespace
}  // namespace maru::gateway::testing
