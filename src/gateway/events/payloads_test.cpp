#include "gateway/events/payloads.hpp"

#include <gtest/gtest.h>

#include "base/limits.hpp"

namespace maru::gateway {
namespace {

constexpr const char* kId = "65a1b2c3d4e5f60718293a4b";

class Payloads : public ::testing::Test {
 protected:
  json::Value parse(const std::string& text) {
    auto value = parser_.parse(text);
    EXPECT_TRUE(value) << text;
    return value ? *value : json::Value();
  }
  static std::string field_of(const Error& error) {
    return error.fields.empty() ? "" : error.fields.front().field;
  }

 private:
  json::Parser parser_;
};

TEST_F(Payloads, ChatIsNamedByIdOrByNumberInBothForms) {
  auto chat = parse_chat_ref(parse(std::string("{\"chatId\":\"") + kId + "\",\"number\":\"x\"}"));
  ASSERT_TRUE(chat);
  EXPECT_EQ(chat->id->hex(), kId);
  for (const char* text : {"{\"number\":7}", "{\"number\":\"7\"}", "{\"chatNumber\":\"007\"}",
                           "{\"chatId\":null,\"chatNumber\":7.0}"}) {
    chat = parse_chat_ref(parse(text));
    ASSERT_TRUE(chat) << text;
    EXPECT_FALSE(chat->id);
    EXPECT_EQ(chat->number->value, 7);
  }
}

TEST_F(Payloads, ChatRefusesWhatIsNone) {
  for (const char* text :
       {"{}", "{\"chatId\":\"abc\"}", "{\"chatId\":7}", "{\"chatId\":{\"$ne\":null}}",
        "{\"chatId\":[]}", "{\"number\":\"\"}", "{\"number\":\"7a\"}", "{\"number\":\"-7\"}",
        "{\"number\":-1}", "{\"number\":1.5}", "{\"number\":true}",
        "{\"chatId\":\"65a1b2c3d4e5f60718293a4\"}", "{\"chatId\":\"65a1b2c3d4e5f60718293a4bb\"}"}) {
    const auto chat = parse_chat_ref(parse(text));
    ASSERT_FALSE(chat) << text;
    EXPECT_EQ(chat.error().code, ErrorCode::kValidationFailed) << text;
    EXPECT_FALSE(chat.error().fields.empty()) << text;
  }
}

TEST_F(Payloads, PayloadMustBeAnObject) {
  for (const char* text : {"null", "[]", "\"text\"", "1", "true"}) {
    EXPECT_FALSE(require_object(parse(text), "payload")) << text;
  }
  EXPECT_FALSE(require_object(json::Value(), "payload"));
  EXPECT_TRUE(require_object(parse("{}"), "payload"));
}

TEST_F(Payloads, MessageChecksTypesOfItsFields) {
  const std::string chat = std::string("\"chatId\":\"") + kId + "\",";
  auto message = parse_send_message(
      parse("{" + chat + "\"content\":\"hi\",\"clientMsgId\":\"a-1_B\",\"from\":7}"));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->message.content, "hi");
  EXPECT_EQ(message->message.client_msg_id, "a-1_B");
  EXPECT_TRUE(parse_send_message(parse("{" + chat + "\"content\":\"a\",\"clientMsgId\":null}")));

  const std::pair<const char*, const char*> bad[] = {
      {"\"x\":1", "content"},
      {"\"content\":null", "content"},
      {"\"content\":5", "content"},
      {"\"content\":{\"a\":1}", "content"},
      {"\"content\":[\"a\"]", "content"},
      {"\"content\":\"a\",\"clientMsgId\":\"\"", "clientMsgId"},
      {"\"content\":\"a\",\"clientMsgId\":\"a b\"", "clientMsgId"},
      {"\"content\":\"a\",\"clientMsgId\":7", "clientMsgId"},
  };
  for (const auto& [fields, field] : bad) {
    message = parse_send_message(parse("{" + chat + fields + "}"));
    ASSERT_FALSE(message) << fields;
    EXPECT_EQ(field_of(message.error()), field);
  }
}

TEST_F(Payloads, SyncTakesChatsInAnyOrderOnce) {
  auto sync = parse_sync(parse(R"({"epoch":"e","cursor":null,"chats":{
      "ffffffffffffffffffffffff":3,"000000000000000000000001":0}})"));
  ASSERT_TRUE(sync);
  ASSERT_EQ(sync->chats.size(), 2u);
  EXPECT_LT(sync->chats[0].first, sync->chats[1].first);
  EXPECT_EQ(sync->chats[1].second.value, 3u);
  EXPECT_EQ(sync->epoch, "e");
  EXPECT_TRUE(parse_sync(parse("{}")));
  for (const char* text :
       {R"({"chats":[]})", R"({"chats":{"abc":1}})", R"({"chats":"x"})", R"({"epoch":1})",
        R"({"cursor":{}})", R"({"chats":{"000000000000000000000001":-1}})",
        R"({"chats":{"000000000000000000000001":"1"}})",
        R"({"chats":{"000000000000000000000001":1.5}})",
        R"({"chats":{"00000000000000000000000a":1,"00000000000000000000000A":2}})"}) {
    EXPECT_FALSE(parse_sync(parse(text))) << text;
  }
}

TEST_F(Payloads, WatchedUsersAreUniqueAndBounded) {
  const std::string id = std::string("\"") + kId + "\"";
  auto users = parse_watch_presence(parse("{\"userIds\":[" + id + "," + id + "]}"));
  ASSERT_TRUE(users);
  EXPECT_EQ(users->size(), 1u);
  EXPECT_TRUE(parse_watch_presence(parse("{\"userIds\":[]}")));
  for (const char* text : {"{}", "{\"userIds\":null}", "{\"userIds\":\"x\"}", "{\"userIds\":[1]}",
                           "{\"userIds\":[\"abc\"]}", "{\"userIds\":[null]}"}) {
    EXPECT_FALSE(parse_watch_presence(parse(text))) << text;
  }
  std::string many;
  for (std::size_t i = 0; i < limits::kWatchedUsersMax; ++i) {
    char hex[32];
    std::snprintf(hex, sizeof hex, "%s\"%024zx\"", i == 0 ? "" : ",", i);
    many += hex;
  }
  EXPECT_EQ(parse_watch_presence(parse("{\"userIds\":[" + many + "]}"))->size(),
            limits::kWatchedUsersMax);
  EXPECT_FALSE(parse_watch_presence(parse("{\"userIds\":[" + many + "," + id + "]}")));
}

TEST_F(Payloads, NamedUserIsTypedToo) {
  auto named = parse_named_user(parse("{\"userName\":\"kim\"}"), "userId", "userName");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->name, "kim");
  EXPECT_TRUE(parse_named_user(parse("{\"userId\":null}"), "userId", "userName")->empty());
  for (const char* text : {R"({"userId":{"$ne":null}})", R"({"userId":""})", R"({"userName":1})"}) {
    EXPECT_FALSE(parse_named_user(parse(text), "userId", "userName")) << text;
  }
}

}  // namespace
}  // namespace maru::gateway
