#include "wire/documents.hpp"

#include <gtest/gtest.h>

#include <set>

namespace maru::wire {
namespace {

template <class Id>
Id id_of(char digit) {
  return *Id::parse(std::string(24, digit));
}

constexpr WallTime kCreated{1'700'000'000'123};  // 2023-11-14T22:13:20.123Z
constexpr WallTime kUpdated{1'700'000'001'000};

chat::Record text_record() {
  chat::Record record;
  record.id = id_of<RecordId>('a');
  record.chat = id_of<ChatId>('b');
  record.chat_number = {7};
  record.sequence = {42};
  record.actor = id_of<UserId>('c');
  record.actor_name = "김현";
  record.body = chat::Text{"say \"hi\"\n\\", {}};
  record.created_at = kCreated;
  return record;
}

template <class Write>
std::string json_of(Write&& write) {
  std::string out;
  json::Writer writer(out);
  write(writer);
  return out;
}

std::string message_of(const chat::Record& record) {
  return json_of([&](json::Writer& out) { write_message(out, record); });
}

constexpr std::string_view kMessageHead =
    R"({"_id":"aaaaaaaaaaaaaaaaaaaaaaaa","id":"aaaaaaaaaaaaaaaaaaaaaaaa",)"
    R"("chatId":"bbbbbbbbbbbbbbbbbbbbbbbb","chatNumber":7,)";
constexpr std::string_view kMessageTail =
    R"("createdAt":"2023-11-14T22:13:20.123Z","updatedAt":"2023-11-14T22:13:20.123Z",)"
    R"("editedAt":null,"deletedAt":null,"__v":0})";

TEST(Documents, GroupTextHasNoReceiver) {
  EXPECT_EQ(message_of(text_record()),
            std::string(kMessageHead) +
                R"("from":"cccccccccccccccccccccccc","fromUserName":"김현",)"
                R"("to":null,"toUserName":null,"content":"say \"hi\"\n\\","sequence":42,)"
                R"("type":"text","clientMsgId":null,"system":null,)" +
                std::string(kMessageTail));
}

TEST(Documents, PersonalTextNamesItsReceiver) {
  chat::Record record = text_record();
  record.to = id_of<UserId>('d');
  record.to_name = "마루";
  record.body = chat::Text{"안녕", "m-1"};
  EXPECT_EQ(message_of(record),
            std::string(kMessageHead) +
                R"("from":"cccccccccccccccccccccccc","fromUserName":"김현",)"
                R"("to":"dddddddddddddddddddddddd","toUserName":"마루","content":"안녕",)"
                R"("sequence":42,"type":"text","clientMsgId":"m-1","system":null,)" +
                std::string(kMessageTail));
}

TEST(Documents, SystemMessageSaysWhomItIsAbout) {
  chat::Record record = text_record();
  record.to_name = "김현";
  auto& left = record.body.emplace<chat::MemberLeft>();
  left.subject = id_of<UserId>('e');
  left.member_count = 3;
  EXPECT_EQ(message_of(record),
            std::string(kMessageHead) +
                R"("from":null,"fromUserName":"system","to":null,"toUserName":"김현",)"
                R"("content":"퇴장","sequence":42,"type":"system","clientMsgId":null,)"
                R"("system":{"event":"leave","userId":"eeeeeeeeeeeeeeeeeeeeeeee",)"
                R"("memberCount":3},)" +
                std::string(kMessageTail));

  record.body.emplace<chat::MemberJoined>();
  EXPECT_NE(message_of(record).find(R"("system":{"event":"join",)"), std::string::npos);
}

chat::ChatDocument group() {
  chat::ChatDocument document;
  document.chat.id = id_of<ChatId>('b');
  document.chat.number = {9};
  document.chat.name = "마루 방";
  document.chat.owner = id_of<UserId>('c');
  document.chat.created_at = kCreated;
  document.chat.updated_at = kUpdated;
  document.owner_name = "김현";
  document.members = {{.user = id_of<UserId>('c'), .user_name = "김현"},
                      {.user = id_of<UserId>('d'), .user_name = "보라"}};
  return document;
}

std::string chat_of(const chat::ChatDocument& document, OwnerForm owner) {
  return json_of([&](json::Writer& out) { write_chat(out, document, owner); });
}

TEST(Documents, ChatShowsItsOwnerInEitherForm) {
  const std::string head =
      R"({"_id":"bbbbbbbbbbbbbbbbbbbbbbbb","id":"bbbbbbbbbbbbbbbbbbbbbbbb",)"
      R"("chatName":"마루 방","number":9,"active":true,"isPersonal":false,"owner":)";
  const std::string tail =
      R"(,"users":["cccccccccccccccccccccccc","dddddddddddddddddddddddd"],)"
      R"("newMessages":false,"deletedAt":null,"createdAt":"2023-11-14T22:13:20.123Z",)"
      R"("updatedAt":"2023-11-14T22:13:21.000Z","__v":0})";
  EXPECT_EQ(chat_of(group(), OwnerForm::kId), head + R"("cccccccccccccccccccccccc")" + tail);
  EXPECT_EQ(chat_of(group(), OwnerForm::kPopulated),
            head +
                R"({"_id":"cccccccccccccccccccccccc","userName":"김현",)"
                R"("id":"cccccccccccccccccccccccc"})" +
                tail);
}

TEST(Documents, ArchivedChatWithoutMembersOrOwner) {
  chat::ChatDocument document = group();
  document.chat.archived = true;
  document.chat.is_personal = true;
  document.chat.owner.reset();
  document.members.clear();
  for (const OwnerForm form : {OwnerForm::kId, OwnerForm::kPopulated}) {
    EXPECT_NE(chat_of(document, form)
                  .find(R"("active":false,"isPersonal":true,"owner":null,"users":[],)"),
              std::string::npos);
  }
}

TEST(Documents, ChatBrief) {
  EXPECT_EQ(json_of([](json::Writer& out) { write_chat_brief(out, group()); }),
            R"({"_id":"bbbbbbbbbbbbbbbbbbbbbbbb",)"
            R"("users":["cccccccccccccccccccccccc","dddddddddddddddddddddddd"],)"
            R"("isPersonal":false,"chatName":"마루 방","id":"bbbbbbbbbbbbbbbbbbbbbbbb"})");
}

TEST(Documents, UserIsLeftOpenForMore) {
  chat::User user;
  user.id = id_of<UserId>('c');
  user.name = "김현";
  user.password_hash = "$argon2id$secret";
  user.created_at = kCreated;
  user.updated_at = kUpdated;
  const auto write = [&](json::Writer& out) {
    write_user_open(out, user, true);
    out.key("token").string("t");
    out.end_object();
  };
  const std::string head =
      R"({"_id":"cccccccccccccccccccccccc","userName":"김현","active":true,"deletedAt":)";
  const std::string middle =
      R"(,"createdAt":"2023-11-14T22:13:20.123Z","updatedAt":"2023-11-14T22:13:21.000Z",)"
      R"("__v":0,"id":"cccccccccccccccccccccccc","userId":"cccccccccccccccccccccccc",)";
  EXPECT_EQ(json_of(write),
            head + "null" + middle + R"("accountType":"guest","lastSeenAt":null,"token":"t"})");

  user.type = chat::AccountType::kAccount;
  user.last_seen_at = kUpdated;
  user.deleted_at = kUpdated;
  EXPECT_EQ(json_of(write), head + R"("2023-11-14T22:13:21.000Z")" + middle +
                                R"("accountType":"account",)"
                                R"("lastSeenAt":"2023-11-14T22:13:21.000Z","token":"t"})");
}

TEST(Documents, UserBriefAndSession) {
  EXPECT_EQ(json_of([](json::Writer& out) { write_user_brief(out, id_of<UserId>('c'), "a\"b"); }),
            R"({"_id":"cccccccccccccccccccccccc","userName":"a\"b",)"
            R"("id":"cccccccccccccccccccccccc"})");

  chat::LoginSession session;
  session.id = id_of<SessionId>('f');
  session.created_at = kCreated;
  session.last_used_at = kUpdated;
  session.user_agent = "curl/8";
  const auto write = [&](json::Writer& out) { write_session(out, session, true); };
  EXPECT_EQ(json_of(write),
            R"({"id":"ffffffffffffffffffffffff","createdAt":"2023-11-14T22:13:20.123Z",)"
            R"("lastUsedAt":"2023-11-14T22:13:21.000Z","userAgent":"curl/8","current":true})");
  session.user_agent.clear();
  EXPECT_NE(json_of(write).find(R"("userAgent":null)"), std::string::npos);
}

TEST(Problem, HasEveryKeyOfTheContract) {
  Error error{ErrorCode::kMessageTooLong,
              "The text has 1001 code points.",
              {FieldError{"content", "too_long", 1000, 1001}, FieldError{"a\"b", "type"}},
              0};
  EXPECT_EQ(json_of([&](json::Writer& out) { write_problem(out, error, "r-1"); }),
            R"({"type":"urn:maru:problem:message_too_long","title":"The message is too long",)"
            R"("status":400,"code":"message_too_long","detail":"The text has 1001 code points.",)"
            R"("requestId":"r-1","retryable":false,"retryAfterMs":null,)"
            R"("errors":[{"field":"content","code":"too_long","limit":1000,"actual":1001},)"
            R"({"field":"a\"b","code":"type","limit":null,"actual":null}],)"
            R"("error":"The text has 1001 code points."})");
}

TEST(Problem, WithoutDetailTheTitleSpeaks) {
  EXPECT_EQ(
      json_of([](json::Writer& out) { write_problem(out, Error{ErrorCode::kNotFound}, ""); }),
      R"({"type":"urn:maru:problem:not_found","title":"Not found","status":404,)"
      R"("code":"not_found","detail":"Not found","requestId":null,"retryable":false,"retryAfterMs":null,)"
      R"("errors":[],"error":"Not found"})");
}

TEST(Problem, StatusesAreThoseOfTheContract) {
  using enum ErrorCode;
  const std::vector<std::pair<int, std::vector<ErrorCode>>> expected = {
      {400, {kInvalidJson, kValidationFailed, kMessageTooLong, kMessageBlank, kNotText}},
      {401, {kUnauthenticated, kInvalidCredentials}},
      {403, {kForbidden, kNotMember, kBanned, kMuted, kBlocked}},
      {404, {kNotFound}},
      {405, {kMethodNotAllowed}},
      {409, {kNameTaken, kChatFull, kChatArchived, kIdempotencyConflict}},
      {413, {kPayloadTooLarge}},
      {415, {kUnsupportedMediaType}},
      {429, {kRateLimited}},
      {500, {kInternal}},
      {503, {kOverloaded, kUnavailable}},
      {504, {kUnknown}},
  };
  std::set<ErrorCode> seen;
  for (const auto& [status, codes] : expected) {
    for (const ErrorCode code : codes) {
      EXPECT_EQ(http_status(code), status) << to_string(code);
      EXPECT_EQ(is_retryable(code), status == 429 || status >= 503) << to_string(code);
      seen.insert(code);
    }
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kErrorCodeCount));
}

}  // namespace
}  // namespace maru::wire
