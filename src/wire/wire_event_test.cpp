#include "wire/wire_event.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "wire/documents.hpp"

namespace maru::wire {
namespace {

template <class Id>
Id id_of(char digit) {
  return *Id::parse(std::string(24, digit));
}

std::shared_ptr<chat::Record> make_record(std::string content) {
  auto record = std::make_shared<chat::Record>();
  record->id = id_of<RecordId>('a');
  record->chat = id_of<ChatId>('b');
  record->chat_number = {1};
  record->sequence = {5};
  record->actor = id_of<UserId>('c');
  record->actor_name = "ann";
  record->body = chat::Text{std::move(content), {}};
  return record;
}

std::string json_of(const chat::Record& record) {
  std::string out;
  json::Writer writer(out);
  write_message(writer, record);
  return out;
}

TEST(Offset, ComesBackAndKeepsItsOrder) {
  constexpr Position kMax = std::numeric_limits<Position>::max();
  const std::vector<Position> positions = {
      1, 2, 62, 63, 64, 65, 4095, 4096, Position{1} << 60, kMax - 1, kMax};
  std::string previous;
  for (const Position position : positions) {
    const std::string offset = encode_offset(position);
    EXPECT_GE(offset.size(), 8u);
    EXPECT_EQ(decode_offset(offset), position);
    EXPECT_LT(previous, offset);
    previous = offset;
  }
}

TEST(Offset, AnythingElseIsZero) {
  const std::string good = encode_offset(123456789);
  for (const std::string& bad :
       {std::string(), std::string("Q85rJc9"), good.substr(1), good + "0", std::string(11, '!'),
        std::string(11, 'z'), std::string("\0\0\0\0\0\0\0\0\0\0\0", 11), std::string(11, '\xff'),
        std::string(1000, '0'), std::string(11, '-')}) {
    EXPECT_EQ(decode_offset(bad), 0u) << bad;
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = '+';
    EXPECT_EQ(decode_offset(bad), 0u);
  }
  // One more than the greatest position.
  std::string over = encode_offset(std::numeric_limits<Position>::max());
  ++over[0];
  EXPECT_EQ(decode_offset(over), 0u);
}

TEST(EventEncoder, RecordAsMessage) {
  const auto record = make_record("hi \"you\"");
  const WireEvent event =
      EventEncoder().encode(chat::RecordCommitted{record}, 77, Offsets::kEncode);
  EXPECT_EQ(event.route, WireEvent::Route::kChat);
  EXPECT_EQ(event.chat, record->chat);
  EXPECT_EQ(event.sequence, record->sequence);
  EXPECT_FALSE(event.detaches_subject);
  EXPECT_EQ(event.position, 77u);
  EXPECT_EQ(event.plain.payload(), "42[\"message\"," + json_of(*record) + "]");
  EXPECT_EQ(event.with_offset.payload(),
            "42[\"message\"," + json_of(*record) + ",\"" + encode_offset(77) + "\"]");
}

TEST(EventEncoder, ARecordIsEncodedOnceForAll) {
  for (const std::size_t size : {0u, 1u, 200u, 70'000u}) {  // each length that a frame can say
    const chat::RecordPtr record = make_record(std::string(size, 'x'));
    const net::TextFrame told = event_of(record);
    const WireEvent event =
        EventEncoder().encode(chat::RecordCommitted{record}, 3, Offsets::kEncode);
    EXPECT_EQ(event.plain.bytes().view().data(), told.bytes().view().data());
    EXPECT_EQ(told.payload(), "42[\"message\"," + json_of(*record) + "]");
    EXPECT_EQ(message_in(event.plain), json_of(*record));
  }
}

TEST(EventEncoder, ACopyOfARecordIsAnother) {
  const auto first = make_record("one");
  ASSERT_EQ(message_in(event_of(first)), json_of(*first));
  const auto second = std::make_shared<chat::Record>(*first);
  second->body = chat::Text{"two", {}};
  EXPECT_EQ(message_in(event_of(second)), json_of(*second));
  *second = *first;
  EXPECT_EQ(message_in(event_of(second)), json_of(*first));
}

TEST(EventEncoder, ManyThreadsAreGivenTheSame) {
  const chat::RecordPtr record = make_record("x");
  std::vector<std::string> seen(8);
  {
    std::vector<std::jthread> threads;
    for (std::string& one : seen) {
      threads.emplace_back([&] { one = message_in(event_of(record)); });
    }
  }
  EXPECT_EQ(seen, std::vector<std::string>(8, json_of(*record)));
}

TEST(EventEncoder, NoOffsetUnlessAskedFor) {
  const auto record = make_record("x");
  const EventEncoder encoder;
  EXPECT_TRUE(
      encoder.encode(chat::RecordCommitted{record}, 77, Offsets::kNone).with_offset.empty());
  EXPECT_TRUE(
      encoder.encode(chat::RecordCommitted{record}, 0, Offsets::kEncode).with_offset.empty());
}

TEST(EventEncoder, LeaveDetachesItsSubjectAndJoinDoesNot) {
  const auto record = make_record("");
  record->last_effect = record->sequence;
  record->body.emplace<chat::MemberLeft>().subject = id_of<UserId>('d');
  const EventEncoder encoder;
  const WireEvent leave = encoder.encode(chat::RecordCommitted{record}, 1, Offsets::kNone);
  EXPECT_TRUE(leave.detaches_subject);
  EXPECT_EQ(leave.users, std::vector{id_of<UserId>('d')});
  record->body.emplace<chat::MemberJoined>().subject = id_of<UserId>('d');
  EXPECT_FALSE(encoder.encode(chat::RecordCommitted{record}, 1, Offsets::kNone).detaches_subject);
}

TEST(EventEncoder, AccountEvents) {
  const EventEncoder encoder;
  chat::ChatAdded added{{id_of<UserId>('c'), id_of<UserId>('d')}, {}};
  added.document.chat.id = id_of<ChatId>('b');
  added.document.chat.name = "n";
  std::string document;
  json::Writer writer(document);
  write_chat(writer, added.document, OwnerForm::kId);
  WireEvent event = encoder.encode(added, 9, Offsets::kEncode);
  EXPECT_EQ(event.route, WireEvent::Route::kUsers);
  EXPECT_EQ(event.users, added.users);
  EXPECT_EQ(event.position, 9u);
  EXPECT_FALSE(event.ends_membership);
  EXPECT_EQ(event.plain.payload(),
            R"(42["chatAdded",{"chatId":"bbbbbbbbbbbbbbbbbbbbbbbb","chat":)" + document + "}]");
  EXPECT_EQ(event.with_offset.payload(),
            R"(42["chatAdded",{"chatId":"bbbbbbbbbbbbbbbbbbbbbbbb","chat":)" + document + "},\"" +
                encode_offset(9) + "\"]");
  EXPECT_TRUE(encoder.encode(added, 9, Offsets::kNone).with_offset.empty());

  event = encoder.encode(chat::ChatRemoved{{id_of<UserId>('c')}, id_of<ChatId>('b'), {12}}, 9,
                         Offsets::kEncode);
  EXPECT_EQ(event.route, WireEvent::Route::kUsers);
  EXPECT_EQ(event.users, std::vector{id_of<UserId>('c')});
  EXPECT_TRUE(event.ends_membership);
  EXPECT_EQ(event.position, 9u);
  EXPECT_EQ(event.plain.payload(),
            R"(42["chatRemoved",{"chatId":"bbbbbbbbbbbbbbbbbbbbbbbb","number":12}])");

  event = encoder.encode(chat::SessionRevoked{id_of<UserId>('c'), id_of<SessionId>('f')}, 9,
                         Offsets::kEncode);
  EXPECT_EQ(event.route, WireEvent::Route::kSession);
  EXPECT_EQ(event.session, id_of<SessionId>('f'));
  EXPECT_EQ(event.users, std::vector{id_of<UserId>('c')});
  EXPECT_EQ(event.plain.payload(),
            R"(42["sessionRevoked",{"sessionId":"ffffffffffffffffffffffff"}])");
}

TEST(EventEncoder, Presence) {
  const EventEncoder encoder;
  WireEvent event = encoder.encode_presence(id_of<UserId>('c'), true, std::nullopt);
  EXPECT_EQ(event.route, WireEvent::Route::kWatchers);
  EXPECT_EQ(event.users, std::vector{id_of<UserId>('c')});
  EXPECT_EQ(event.plain.payload(),
            R"(42["presence",{"userId":"cccccccccccccccccccccccc","active":true,)"
            R"("lastSeenAt":null}])");
  event = encoder.encode_presence(id_of<UserId>('c'), false, WallTime{1'700'000'000'123});
  EXPECT_EQ(event.plain.payload(),
            R"(42["presence",{"userId":"cccccccccccccccccccccccc","active":false,)"
            R"("lastSeenAt":"2023-11-14T22:13:20.123Z"}])");
}

TEST(EventEncoder, RecordOnItsOwnEqualsTheLiveOne) {
  const auto record = make_record("x");
  const EventEncoder encoder;
  const WireEvent live = encoder.encode(chat::RecordCommitted{record}, 8, Offsets::kEncode);
  EXPECT_EQ(encoder.encode_record(*record, 0).payload(), live.plain.payload());
  EXPECT_EQ(encoder.encode_record(*record, 8).payload(), live.with_offset.payload());
}

TEST(EventEncoder, LargeEventsDoNotStayInTheScratch) {
  const auto record = make_record(std::string(300'000, 'x'));
  const EventEncoder encoder;
  EXPECT_EQ(encoder.encode_record(*record, 0).payload().size(),
            json_of(*record).size() + std::string_view("42[\"message\",]").size());
  record->body = chat::Text{"short", {}};
  EXPECT_EQ(encoder.encode_record(*record, 0).payload(),
            "42[\"message\"," + json_of(*record) + "]");
}

TEST(MakeEvent, WithAndWithoutOffset) {
  EXPECT_EQ(make_event("hello", "{\"a\":1}").payload(), "42[\"hello\",{\"a\":1}]");
  EXPECT_EQ(make_event("x", "[1]").payload(), "42[\"x\",[1]]");
  EXPECT_EQ(make_event("x", "[1]", 3).payload(), "42[\"x\",[1],\"" + encode_offset(3) + "\"]");
}

}  // namespace
}  // namespace maru::wire
