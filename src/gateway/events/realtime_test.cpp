// Sockets against the real parts of a node: identity, joining, sending, leaving, presence, bad
// input.
#include <gtest/gtest.h>

#include <thread>

#include "gateway/events/testing/node.hpp"
#include "gateway/events/testing/sio_client.hpp"

namespace maru::gateway {
namespace {

using testing::Node;
using testing::SioClient;
using testing::TestUser;
using testing::value_of;
using testing::values_of;

std::string chat_json(const chat::ChatDocument& chat) {
  return R"({"chatId":")" + chat.chat.id.hex() + "\"}";
}
std::string message_json(const chat::ChatDocument& chat, const std::string& content,
                         const std::string& more = {}) {
  return R"({"chatId":")" + chat.chat.id.hex() + R"(","content":")" + content + "\"" + more + "}";
}
bool is_ok(const std::string& ack) {
  return ack.starts_with(R"([{"ok":true)");
}
std::string code_of(const std::string& ack) {
  return value_of(ack, "code");
}
std::uint64_t number_of(const std::string& json, const char* key) {
  const std::string text = value_of(json, key);
  return text.empty() ? ~0ULL : std::stoull(text);
}

// ---- who
// -----------------------------------------------------------------------------------------

TEST(Connect, NeedsALiveSessionInAccounts) {
  Node node;
  const TestUser user = node.guest("kim");
  for (const std::string auth :
       {"", "{}", R"({"token":"x"})", R"({"token":null})", R"({"token":{"$ne":null}})",
        R"({"token":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})"}) {
    SioClient client(node.port());
    const std::string answer = client.connect(auth);
    EXPECT_TRUE(answer.starts_with(R"(44{"message":"unauthenticated","data":{)")) << answer;
    EXPECT_EQ(code_of(answer), "unauthenticated");
  }
  SioClient client(node.port());
  const std::string hello = client.join_namespace(user.auth());
  EXPECT_EQ(value_of(hello, "epoch"), node.epoch());
  EXPECT_EQ(value_of(hello, "_id"), user.id.hex());
  EXPECT_EQ(value_of(hello, "userName"), "kim");
  EXPECT_NE(hello.find(R"("features":["joinRoom")"), std::string::npos);
  EXPECT_TRUE(client.pid.empty());
  EXPECT_TRUE(client.offset.empty());
}

TEST(Connect, CookieBindsTheSession) {
  Node node;
  const TestUser user = node.guest("kim");
  SioClient client(node.port(), "Cookie: a=b; maru=" + user.token + "\r\n");
  EXPECT_EQ(value_of(client.join_namespace(), "_id"), user.id.hex());
  SioClient evil(node.port(), "Origin: https://evil.example\r\n");
  EXPECT_EQ(evil.refusal().substr(0, 12), "HTTP/1.1 403");
}

TEST(Connect, ASidOpenedWithACookieIsUsedWithThatSessionOnly) {
  Node node;
  const std::string own = "Cookie: maru=" + node.guest("kim").token + "\r\n";
  const std::string other = "Cookie: maru=" + node.guest("lee").token + "\r\n";
  const std::string path = "/socket.io/?EIO=4&transport=polling";
  const std::string opened = testing::http_request(node.port(), "GET", path, own);
  const std::string with_sid = path + "&sid=" + value_of(opened, "sid");
  for (const std::string& cookie : {std::string(), other, std::string("Cookie: maru=x\r\n")}) {
    EXPECT_TRUE(testing::http_request(node.port(), "POST", with_sid, cookie, "40")
                    .starts_with("HTTP/1.1 403"));
    EXPECT_TRUE(
        testing::http_request(node.port(), "GET", with_sid, cookie).starts_with("HTTP/1.1 403"));
  }
  EXPECT_TRUE(
      testing::http_request(node.port(), "POST", with_sid, own, "40").starts_with("HTTP/1.1 200"));
  EXPECT_NE(testing::http_request(node.port(), "GET", with_sid, own).find("40{\"sid\""),
            std::string::npos);
}

TEST(Connect, RevokedSessionIsToldAndClosedWith41) {
  Node node;
  const TestUser user = node.guest("kim");
  SioClient client(node.port());
  client.join_namespace(user.auth());
  ASSERT_TRUE(node.run(chat::RevokeSession{.user = user.id, .session = user.session}));
  EXPECT_EQ(value_of(client.wait_event("sessionRevoked"), "sessionId"), user.session.hex());
  EXPECT_TRUE(client.wait_closed());
  EXPECT_TRUE(client.got_disconnect_packet());
  SioClient again(node.port());
  EXPECT_TRUE(again.connect(user.auth()).starts_with("44"));
}

TEST(Connect, PresenceFollowsTheSockets) {
  Node node;
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const TestUser stranger = node.guest("stranger");
  node.personal(kim, lee);
  SioClient watcher(node.port());
  watcher.join_namespace(kim.auth());
  const std::string ack = watcher.call(
      "watchPresence", R"({"userIds":[")" + lee.id.hex() + "\",\"" + stranger.id.hex() + "\"]}");
  ASSERT_TRUE(is_ok(ack)) << ack;
  EXPECT_EQ(values_of(ack, "userId"), std::vector<std::string>{lee.id.hex()});
  EXPECT_EQ(value_of(ack, "active"), "false");
  SioClient watched(node.port());
  watched.join_namespace(lee.auth());
  const std::string event = watcher.wait_event("presence");
  EXPECT_EQ(value_of(event, "userId"), lee.id.hex());
  EXPECT_EQ(value_of(event, "active"), "true");
  EXPECT_TRUE(node.is_online(lee.id));
}

TEST(Connect, DrainIsAnnounced) {
  Node node;
  SioClient client(node.port());
  client.join_namespace(node.guest("kim").auth());
  node.announce_drain(2000);
  EXPECT_EQ(value_of(client.wait_event("serverDraining"), "withinMs"), "2000");
}

// ---- joining and sending
// -------------------------------------------------------------------------

TEST(JoinRoom, AFreshMemberSeesItsOwnJoinAndAllAfter) {
  Node node;
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const auto room = node.group(kim);
  node.send(kim, room.chat.id, "before");
  SioClient client(node.port());
  client.join_namespace(lee.auth());
  const std::string ack =
      client.call("joinRoom", R"({"number":")" + std::to_string(room.chat.number.value) + "\"}");
  ASSERT_TRUE(is_ok(ack)) << ack;
  EXPECT_EQ(number_of(ack, "sequence"), 1u);
  const std::string joined = client.wait_event("message");
  EXPECT_EQ(number_of(joined, "sequence"), 2u);
  EXPECT_EQ(value_of(joined, "type"), "system");
  EXPECT_EQ(value_of(joined, "toUserName"), "lee");
  // Again, as a member: the head is the boundary.
  EXPECT_EQ(number_of(client.call("joinRoom", chat_json(room)), "sequence"), 2u);
}

TEST(JoinRoom, HidesThe1To1OfOthers) {
  Node node;
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const TestUser eve = node.guest("eve");
  const auto two = node.personal(kim, lee);
  SioClient client(node.port());
  client.join_namespace(eve.auth());
  const std::string number = R"({"number":)" + std::to_string(two.chat.number.value) + "}";
  EXPECT_EQ(code_of(client.call("joinRoom", chat_json(two))), "not_found");
  EXPECT_EQ(code_of(client.call("joinRoom", number)), "not_found");
  EXPECT_EQ(code_of(client.call("leaveRoom", chat_json(two))), "not_found");
  EXPECT_EQ(code_of(client.call("sendMessage", message_json(two, "hi"))), "not_found");
  node.send(kim, two.chat.id, "secret");
  EXPECT_TRUE(client.drain_events(100).empty());
}

TEST(SendMessage, ReachesEveryoneAttachedOnceAndAnswersWhenDurable) {
  Node node;
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const auto room = node.group(kim, {lee});
  SioClient one(node.port());
  SioClient two(node.port());
  one.join_namespace(kim.auth());
  two.join_namespace(lee.auth());
  ASSERT_TRUE(is_ok(one.call("joinRoom", chat_json(room))));
  ASSERT_TRUE(is_ok(two.call("joinRoom", chat_json(room))));
  // A spoofed sender counts for nothing in accounts.
  const std::string payload = message_json(room, "안녕",
                                           R"(,"clientMsgId":"m1","from":")" + lee.id.hex() +
                                               R"(","fromUserName":"system","type":"system")");
  const std::string ack = one.call("sendMessage", payload);
  ASSERT_TRUE(is_ok(ack)) << ack;
  EXPECT_EQ(value_of(ack, "from"), kim.id.hex());
  EXPECT_EQ(value_of(ack, "type"), "text");
  EXPECT_EQ(value_of(ack, "duplicate"), "false");
  for (SioClient* client : {&one, &two}) {
    const std::string event = client->wait_event("message");
    EXPECT_EQ(number_of(event, "sequence"), 1u);
    EXPECT_EQ(value_of(event, "content"), "안녕");
  }
  EXPECT_EQ(value_of(one.call("sendMessage", payload), "duplicate"), "true");
  EXPECT_EQ(code_of(one.call("sendMessage", message_json(room, "other", R"(,"clientMsgId":"m1")"))),
            "idempotency_conflict");
  EXPECT_TRUE(two.drain_events(100).empty());
}

TEST(SendMessage, KeepsTheOrderOfAConnection) {
  Node node;
  const TestUser kim = node.guest("kim");
  const auto room = node.group(kim);
  SioClient client(node.port());
  client.join_namespace(kim.auth());
  ASSERT_TRUE(is_ok(client.call("joinRoom", chat_json(room))));
  constexpr int kSends = 300;  // many more than may be in flight
  std::vector<int> acks;
  for (int i = 0; i < kSends; ++i) {
    // By number every other time: a look into the store must not let the next one overtake.
    const std::string text = "m" + std::to_string(i);
    acks.push_back(client.emit_with_ack(
        "sendMessage", i % 2 == 0 ? message_json(room, text)
                                  : R"({"chatNumber":)" + std::to_string(room.chat.number.value) +
                                        R"(,"content":")" + text + "\"}"));
  }
  for (int i = 0; i < kSends; ++i) {
    const std::string ack = client.wait_ack(acks[static_cast<std::size_t>(i)]);
    ASSERT_TRUE(is_ok(ack)) << ack;
    EXPECT_EQ(number_of(ack, "sequence"), static_cast<std::uint64_t>(i) + 1);
    EXPECT_EQ(value_of(client.wait_event("message"), "content"), "m" + std::to_string(i));
  }
}

TEST(SendMessage, RightAfterJoinRoomComesAfterTheJoin) {
  Node node;
  const auto room = node.group(node.guest("kim"));
  SioClient client(node.port());
  client.join_namespace(node.guest("lee").auth());
  const int join = client.emit_with_ack("joinRoom", chat_json(room));
  const int send = client.emit_with_ack("sendMessage", message_json(room, "hi"));
  EXPECT_TRUE(is_ok(client.wait_ack(join)));
  EXPECT_EQ(number_of(client.wait_ack(send), "sequence"), 2u);
  EXPECT_EQ(number_of(client.wait_event("message"), "sequence"), 1u);
  EXPECT_EQ(number_of(client.wait_event("message"), "sequence"), 2u);
}

TEST(SendMessage, RightAfterJoinRoomByNumberComesAfterTheJoin) {
  Node node;
  const TestUser kim = node.guest("kim");
  for (int round = 0; round < 20; ++round) {
    const auto room = node.group(kim);
    SioClient client(node.port());
    client.join_namespace(node.guest("lee" + std::to_string(round)).auth());
    const int join = client.emit_with_ack(
        "joinRoom", R"({"number":)" + std::to_string(room.chat.number.value) + "}");
    const int send = client.emit_with_ack("sendMessage", message_json(room, "hi"));
    ASSERT_TRUE(is_ok(client.wait_ack(join)));
    ASSERT_EQ(number_of(client.wait_ack(send), "sequence"), 2u) << round;
  }
}

TEST(JoinRoom, TwiceAtOnceEachAnswerKeepsItsPromise) {
  Node node;
  const TestUser kim = node.guest("kim");
  for (int round = 0; round < 10; ++round) {
    const auto room = node.group(kim);
    SioClient client(node.port());
    client.join_namespace(node.guest("lee" + std::to_string(round)).auth());
    const int first = client.emit_with_ack("joinRoom", chat_json(room));
    const int second = client.emit_with_ack("joinRoom", chat_json(room));
    EXPECT_EQ(number_of(client.wait_ack(first), "sequence"), 0u);
    EXPECT_EQ(number_of(client.wait_ack(second), "sequence"), 1u);
    ASSERT_EQ(number_of(client.wait_event("message"), "sequence"), 1u) << round;
    EXPECT_TRUE(client.wait_event("message", 20).empty());
  }
}

TEST(JoinRoom, RightAfterASyncThatLeftMoreHearsTheChat) {
  Node node;
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const auto room = node.group(kim, {lee});
  for (int i = 0; i < 150; ++i) node.send(kim, room.chat.id, "x");
  for (std::uint64_t round = 1; round <= 10; ++round) {
    SioClient client(node.port());
    client.join_namespace(lee.auth());
    const int sync =
        client.emit_with_ack("sync", R"({"chats":{")" + room.chat.id.hex() + R"(":0}})");
    const int join = client.emit_with_ack("joinRoom", chat_json(room));
    EXPECT_NE(client.wait_ack(sync).find(R"("more":true)"), std::string::npos);
    EXPECT_TRUE(is_ok(client.wait_ack(join)));
    node.send(kim, room.chat.id, "live");
    ASSERT_EQ(number_of(client.wait_event("message"), "sequence"), 150 + round);
  }
}

// Everything after the answered sequence follows, nothing up to it, however fast the chat is.
TEST(JoinRoom, BoundaryIsExactUnderConcurrentSends) {
  Node node;
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const auto room = node.group(kim, {lee});
  const std::jthread sender([&](const std::stop_token& token) {
    while (!token.stop_requested()) node.send(kim, room.chat.id, "x");
  });
  for (int round = 0; round < 40; ++round) {
    SioClient client(node.port());
    client.join_namespace(lee.auth());
    const std::string ack = client.call("joinRoom", chat_json(room));
    ASSERT_TRUE(is_ok(ack)) << ack;
    std::uint64_t last = number_of(ack, "sequence");
    for (int i = 0; i < 20; ++i) {
      const std::uint64_t next = number_of(client.wait_event("message"), "sequence");
      ASSERT_EQ(next, last + 1) << "round " << round;
      last = next;
    }
  }
}

// The document in an answer is that of its own sequence, however often members come and go.
TEST(JoinRoom, AnswersWithTheMembersOfItsMoment) {
  Node node;
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const TestUser restless = node.guest("restless");
  const auto room = node.group(kim, {lee});
  SioClient listener(node.port());
  listener.join_namespace(kim.auth());
  ASSERT_TRUE(is_ok(listener.call("joinRoom", chat_json(room))));
  std::jthread mover([&](const std::stop_token& token) {
    while (!token.stop_requested()) {
      node.run(chat::JoinChat{room.chat.id, restless.id});
      node.send(restless, room.chat.id, "here");
      node.run(chat::LeaveChat{room.chat.id, restless.id});
      node.send(kim, room.chat.id, "gone");
    }
  });
  // Until both kinds of moments have been met, and some more.
  std::vector<std::string> answers;
  std::size_t with = 0;
  while (answers.size() < 60 || with == 0 || with == answers.size()) {
    ASSERT_LT(answers.size(), 5'000u);
    SioClient client(node.port());
    client.join_namespace(lee.auth());
    answers.push_back(client.call("joinRoom", chat_json(room)));
    if (answers.back().find(restless.id.hex()) != std::string::npos) ++with;
  }
  mover.request_stop();
  mover.join();
  // Whether the restless one was in it, after each record.
  std::vector<bool> was_in{false};
  const auto head = node.send(kim, room.chat.id, "last")->sequence.value;
  while (was_in.size() <= head) {
    const std::string event = listener.wait_event("message");
    ASSERT_EQ(number_of(event, "sequence"), was_in.size());
    const std::string change = value_of(event, "event");
    was_in.push_back(change.empty() ? was_in.back() : change == "join");
  }
  for (const std::string& answer : answers) {
    ASSERT_TRUE(is_ok(answer)) << answer;
    const bool in = answer.find(restless.id.hex()) != std::string::npos;
    EXPECT_EQ(in, was_in.at(number_of(answer, "sequence"))) << answer;
  }
}

// The 1:1 outlives one of its two, whose name is gone then.
TEST(JoinRoom, AnswersTheSameAfterTheOtherOneIsGone) {
  Node node;
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const auto room = node.group(kim, {lee});
  const auto pair = node.personal(kim, lee);
  SioClient client(node.port());
  client.join_namespace(kim.auth());
  const std::string before = client.call("joinRoom", chat_json(room));
  ASSERT_NE(before.find(lee.id.hex()), std::string::npos);
  ASSERT_NE(client.call("joinRoom", chat_json(pair)).find(lee.id.hex()), std::string::npos);
  ASSERT_TRUE(node.run(chat::RevokeSession{.user = lee.id, .session = lee.session}));
  node.finish_endings();
  SioClient later(node.port());
  later.join_namespace(kim.auth());
  const std::string after = later.call("joinRoom", chat_json(room));
  EXPECT_EQ(after.find(lee.id.hex()), std::string::npos) << after;
  const std::string personal = later.call("joinRoom", chat_json(pair));
  EXPECT_NE(personal.find(lee.id.hex()), std::string::npos) << personal;
  EXPECT_EQ(personal.find("lee"), std::string::npos) << personal;
}

TEST(JoinRoom, ConcurrentJoinersEachSeeADenseStream) {
  Node node;
  const auto room = node.group(node.guest("owner"));
  constexpr int kJoiners = 30;
  std::vector<std::thread> threads;
  for (int i = 0; i < kJoiners; ++i) {
    const TestUser user = node.guest("u" + std::to_string(i));
    threads.emplace_back([&node, &room, user] {
      SioClient client(node.port());
      client.join_namespace(user.auth());
      const std::string ack = client.call("joinRoom", chat_json(room));
      ASSERT_TRUE(is_ok(ack)) << ack;
      std::uint64_t last = number_of(ack, "sequence");
      const std::string own = client.wait_event("message");
      EXPECT_EQ(value_of(own, "toUserName"), user.name);
      EXPECT_EQ(number_of(own, "sequence"), ++last);
      while (last < kJoiners) {
        ASSERT_EQ(number_of(client.wait_event("message"), "sequence"), ++last);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// ---- leaving
// -------------------------------------------------------------------------------------

GatewayOptions short_grace(std::int64_t ms) {
  GatewayOptions options = Node::quiet();
  options.leave_grace_ms = ms;
  return options;
}

TEST(LeaveRoom, CommitsAfterTheGraceAndHearsNothingMeanwhile) {
  Node node(short_grace(300));
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const auto room = node.group(kim, {lee});
  SioClient client(node.port());
  client.join_namespace(lee.auth());
  ASSERT_TRUE(is_ok(client.call("joinRoom", chat_json(room))));
  const int leave = client.emit_with_ack("leaveRoom", chat_json(room));
  EXPECT_TRUE(client.wait_ack(leave, 150).empty());
  node.send(kim, room.chat.id, "not for lee");
  const std::string ack = client.wait_ack(leave);
  EXPECT_TRUE(is_ok(ack)) << ack;
  EXPECT_EQ(value_of(ack, "left"), "true");
  for (const std::string& event : client.drain_events(100)) {
    EXPECT_FALSE(event.starts_with("[\"message\"")) << event;
  }
  EXPECT_EQ(code_of(client.call("sendMessage", message_json(room, "x"))), "not_member");
  // Nothing to leave any more.
  EXPECT_EQ(value_of(client.call("leaveRoom", chat_json(room)), "left"), "false");
}

TEST(LeaveRoom, AJoinOnAnotherSocketTakesItBack) {
  Node node(short_grace(300));
  const TestUser lee = node.guest("lee");
  const auto room = node.group(node.guest("kim"), {lee});
  SioClient leaver(node.port());
  leaver.join_namespace(lee.auth());
  for (int i = 0; i < 6; ++i) {  // other sockets end up on every I/O thread
    const int leave = leaver.emit_with_ack("leaveRoom", chat_json(room));
    EXPECT_EQ(code_of(leaver.call("nonsense", "{}")), "not_found");  // the leave was taken up
    SioClient joiner(node.port());
    joiner.join_namespace(lee.auth());
    ASSERT_TRUE(is_ok(joiner.call("joinRoom", chat_json(room))));
    EXPECT_EQ(value_of(leaver.wait_ack(leave), "left"), "false");
  }
  EXPECT_TRUE(is_ok(leaver.call("sendMessage", message_json(room, "still here"))));
}

// Returns when every leave that was asked for before would have been done: on one I/O thread a
// later one is done after it, however slow the machine is.
void outlast_the_grace(Node& node) {
  static int count = 0;
  const TestUser witness = node.guest("witness" + std::to_string(++count));
  const auto room = node.group(witness);
  SioClient client(node.port());
  client.join_namespace(witness.auth());
  EXPECT_EQ(value_of(client.call("leaveRoom", chat_json(room)), "left"), "true");
}

TEST(LeaveRoom, TheSameSocketMayTakeItBackAtOnce) {
  Node node(short_grace(200), 1);
  const TestUser lee = node.guest("lee");
  const auto room = node.group(node.guest("kim"), {lee});
  SioClient client(node.port());
  client.join_namespace(lee.auth());
  const int leave = client.emit_with_ack("leaveRoom", chat_json(room));
  const int join = client.emit_with_ack("joinRoom", chat_json(room));
  EXPECT_EQ(value_of(client.wait_ack(leave), "left"), "false");
  EXPECT_TRUE(is_ok(client.wait_ack(join)));
  outlast_the_grace(node);
  EXPECT_TRUE(is_ok(client.call("sendMessage", message_json(room, "still here"))));
}

TEST(LeaveRoom, RightAfterJoinRoomLeaves) {
  Node node(short_grace(100));
  const TestUser lee = node.guest("lee");
  const auto room = node.group(node.guest("kim"));
  SioClient client(node.port());
  client.join_namespace(lee.auth());
  const int join = client.emit_with_ack("joinRoom", chat_json(room));
  const int leave = client.emit_with_ack("leaveRoom", chat_json(room));
  EXPECT_TRUE(is_ok(client.wait_ack(join)));
  EXPECT_EQ(value_of(client.wait_ack(leave), "left"), "true");
  EXPECT_EQ(code_of(client.call("sendMessage", message_json(room, "x"))), "not_member");
}

TEST(LeaveRoom, BetweenTwoJoinsTheLastOneCounts) {
  Node node(short_grace(200));
  const TestUser kim = node.guest("kim");
  for (int round = 0; round < 10; ++round) {
    const auto room = node.group(kim);
    SioClient client(node.port());
    client.join_namespace(node.guest("lee" + std::to_string(round)).auth());
    const int first = client.emit_with_ack("joinRoom", chat_json(room));
    const int leave = client.emit_with_ack("leaveRoom", chat_json(room));
    const int last = client.emit_with_ack("joinRoom", chat_json(room));
    EXPECT_TRUE(is_ok(client.wait_ack(first)));
    EXPECT_EQ(value_of(client.wait_ack(leave), "left"), "false");
    const std::uint64_t from = number_of(client.wait_ack(last), "sequence");
    EXPECT_EQ(from, 1u);
    node.send(kim, room.chat.id, "live");
    std::string event = client.wait_event("message");
    if (number_of(event, "sequence") == 1) event = client.wait_event("message");
    ASSERT_EQ(number_of(event, "sequence"), from + 1) << round;
  }
}

TEST(LeaveRoom, AClosedTabIsNotALeave) {
  Node node(short_grace(200), 1);
  const TestUser lee = node.guest("lee");
  const auto room = node.group(node.guest("kim"), {lee});
  {
    SioClient tab(node.port());
    tab.join_namespace(lee.auth());
    tab.emit("leaveRoom", chat_json(room));
    // Its answer proves that the leave was taken up before the tab goes.
    EXPECT_EQ(code_of(tab.call("nonsense", "{}")), "not_found");
  }
  outlast_the_grace(node);
  SioClient again(node.port());
  again.join_namespace(lee.auth());
  EXPECT_TRUE(is_ok(again.call("sendMessage", message_json(room, "still here"))));
}

TEST(LeaveRoom, PastTheBoundThereIsNoGrace) {
  GatewayOptions options = short_grace(60'000);
  options.leaves_waiting_max = 2;
  Node node(std::move(options), 1);
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  SioClient client(node.port());
  client.join_namespace(lee.auth());
  for (int i = 0; i < 2; ++i) client.emit("leaveRoom", chat_json(node.group(kim, {lee})));
  EXPECT_EQ(value_of(client.call("leaveRoom", chat_json(node.group(kim, {lee}))), "left"), "true");
  // The end of a socket makes room for others' graces, when its own would have ended.
  SioClient other(node.port());
  other.join_namespace(kim.auth());
  EXPECT_EQ(value_of(other.call("leaveRoom", chat_json(node.group(kim, {lee}))), "left"), "true");
}

TEST(LeaveRoom, WaitsForItsGraceWithoutBeingInFlight) {
  GatewayOptions options = short_grace(300);
  options.commands_in_flight_max = 2;
  Node node(std::move(options), 1);
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const auto room = node.group(kim, {lee});
  SioClient client(node.port());
  client.join_namespace(lee.auth());
  ASSERT_TRUE(is_ok(client.call("joinRoom", chat_json(room))));
  std::vector<int> leaves;
  for (int i = 0; i < 5; ++i) {
    leaves.push_back(client.emit_with_ack("leaveRoom", chat_json(node.group(kim, {lee}))));
  }
  // While all five wait, the socket goes on.
  EXPECT_TRUE(is_ok(client.call("sendMessage", message_json(room, "meanwhile"))));
  for (const int leave : leaves) EXPECT_EQ(value_of(client.wait_ack(leave), "left"), "true");
}

TEST(LeaveRoom, A1To1IsOnlyDetached) {
  Node node(short_grace(60'000));
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const auto two = node.personal(kim, lee);
  SioClient client(node.port());
  client.join_namespace(lee.auth());
  ASSERT_TRUE(is_ok(client.call("joinRoom", chat_json(two))));
  EXPECT_EQ(value_of(client.call("leaveRoom", chat_json(two)), "left"), "false");
  node.send(kim, two.chat.id, "x");
  EXPECT_TRUE(client.drain_events(100).empty());
  EXPECT_TRUE(is_ok(client.call("sendMessage", message_json(two, "back"))));
}

// ---- bad input
// -----------------------------------------------------------------------------------

TEST(BadInput, GetsAClearErrorAndTheSocketStays) {
  Node node;
  const TestUser kim = node.guest("kim");
  const auto room = node.group(kim);
  SioClient client(node.port());
  client.join_namespace(kim.auth());
  const std::string id = room.chat.id.hex();
  const std::string long_text(1001, 'x');
  const struct {
    const char* event;
    std::string payload;
    const char* code;
  } cases[] = {
      {"joinRoom", "", "validation_failed"},
      {"joinRoom", "null", "validation_failed"},
      {"joinRoom", "[]", "validation_failed"},
      {"joinRoom", "\"abc\"", "validation_failed"},
      {"joinRoom", R"({"chatId":"abc"})", "validation_failed"},
      {"joinRoom", R"({"chatId":{"$gt":""}})", "validation_failed"},
      {"joinRoom", R"({"chatId":"65a1b2c3d4e5f60718293a4b"})", "not_found"},
      {"joinRoom", R"({"number":999999})", "not_found"},
      {"leaveRoom", "null", "validation_failed"},
      {"leaveRoom", R"({"number":"x"})", "validation_failed"},
      {"leaveRoom", R"({"number":4711})", "not_found"},
      {"sendMessage", "null", "validation_failed"},
      {"sendMessage", "", "validation_failed"},
      {"sendMessage", R"({"content":"x"})", "validation_failed"},
      {"sendMessage", R"({"chatId":")" + id + R"("})", "validation_failed"},
      {"sendMessage", R"({"chatId":")" + id + R"(","content":7})", "not_text"},
      {"sendMessage", R"({"chatId":")" + id + R"(","content":{"$ne":null}})", "not_text"},
      {"sendMessage", R"({"chatId":"65a1b2c3d4e5f60718293a4b","content":"x"})", "not_found"},
      {"sendMessage", message_json(room, long_text), "message_too_long"},
      {"sendMessage", message_json(room, " \\u3164 "), "message_blank"},
      {"sendMessage", message_json(room, ""), "message_blank"},
      {"sendMessage", message_json(room, "a\\u0007b"), "not_text"},
      {"sendMessage", message_json(room, "a\\u0000b"), "not_text"},
      {"sync", "null", "validation_failed"},
      {"sync", R"({"chats":7})", "validation_failed"},
      {"sync", R"({"cursor":"zzz"})", "validation_failed"},
      {"sync", R"({"cursor":"000000000000000000000000.nonsense"})", "validation_failed"},
      {"watchPresence", R"({"userIds":"x"})", "validation_failed"},
      {"typing", "{}", "not_found"},
      {"__proto__", "{}", "not_found"},
  };
  for (const auto& one : cases) {
    const std::string ack = client.call(one.event, one.payload);
    EXPECT_TRUE(ack.starts_with(R"([{"ok":false,"error":{)")) << one.event << one.payload << ack;
    EXPECT_EQ(code_of(ack), one.code) << one.event << one.payload << ack;
  }
  // Without an ack: the event `problem`.
  client.emit("sendMessage", "null");
  EXPECT_EQ(code_of(client.wait_event("problem")), "validation_failed");
  // A binary packet is decoded and refused, the connection stays.
  client.send_packet(R"(451-77["sendMessage",{"_placeholder":true,"num":0}])");
  client.send_binary("bytes");
  EXPECT_EQ(code_of(client.wait_ack(77)), "not_text");
  EXPECT_TRUE(is_ok(client.call("sendMessage", message_json(room, "fine"))));
}

TEST(BadInput, OutsidersCannotSendIntoAPublicGroup) {
  Node node;
  const auto room = node.group(node.guest("kim"));
  SioClient client(node.port());
  client.join_namespace(node.guest("eve").auth());
  EXPECT_EQ(code_of(client.call("sendMessage", message_json(room, "x"))), "not_member");
}

// ---- rates
// ---------------------------------------------------------------------------------------

TEST(Rates, AnHonestBurstIsReadLaterAndLosesNothing) {
  GatewayOptions options = Node::quiet();
  options.rate_limits = true;
  options.messages_per_user = 50;
  options.messages_per_user_burst = 10;
  Node node(options);
  const TestUser kim = node.guest("kim");
  const auto room = node.group(kim);
  SioClient client(node.port());
  client.join_namespace(kim.auth());
  std::vector<int> acks;
  for (int i = 0; i < 60; ++i) {
    acks.push_back(
        client.emit_with_ack("sendMessage", message_json(room, "m" + std::to_string(i))));
  }
  for (std::size_t i = 0; i < acks.size(); ++i) {
    EXPECT_EQ(number_of(client.wait_ack(acks[i]), "sequence"), i + 1);
  }
}

TEST(Rates, PastTheDelayItIsRefusedWithRetryAfter) {
  GatewayOptions options = Node::quiet();
  options.rate_limits = true;
  options.messages_per_user = 0.1;
  options.messages_per_user_burst = 2;
  Node node(options);
  const TestUser kim = node.guest("kim");
  const auto room = node.group(kim);
  SioClient client(node.port());
  client.join_namespace(kim.auth());
  EXPECT_TRUE(is_ok(client.call("sendMessage", message_json(room, "1"))));
  EXPECT_TRUE(is_ok(client.call("sendMessage", message_json(room, "2"))));
  EXPECT_EQ(code_of(client.call("sendMessage", message_json(room, "3"))), "rate_limited");
}

TEST(Rates, ARefusalSaysWhenToComeBack) {
  GatewayOptions options = Node::quiet();
  options.rate_limits = true;
  options.messages_per_user = 0.1;
  options.messages_per_user_burst = 1;
  Node node(options);
  const TestUser kim = node.guest("kim");
  const auto room = node.group(kim);
  SioClient client(node.port());
  client.join_namespace(kim.auth());
  EXPECT_TRUE(is_ok(client.call("sendMessage", message_json(room, "1"))));
  const std::string refused = client.call("sendMessage", message_json(room, "2"));
  EXPECT_EQ(code_of(refused), "rate_limited");
  EXPECT_GT(number_of(refused, "retryAfterMs"), 5'000u);
  EXPECT_LE(number_of(refused, "retryAfterMs"), 10'000u);
  EXPECT_EQ(value_of(client.call("joinRoom", "{}"), "retryAfterMs"), "null");
}

TEST(Rates, AllDelaysOfAnEventTogetherAreBounded) {
  GatewayOptions options = Node::quiet();
  options.rate_limits = true;
  options.events_per_connection = 4;
  options.events_per_connection_burst = 2;  // one is the CONNECT's
  options.messages_per_user = 2;
  options.messages_per_user_burst = 1;
  options.rate_delay_max_ms = 300;
  Node node(options);
  const TestUser kim = node.guest("kim");
  const auto room = node.group(kim);
  SioClient client(node.port());
  client.join_namespace(kim.auth());
  const int first = client.emit_with_ack("sendMessage", message_json(room, "1"));
  const int second = client.emit_with_ack("sendMessage", message_json(room, "2"));
  EXPECT_TRUE(is_ok(client.wait_ack(first)));
  // 250 ms for the connection's rate, and then 250 ms more for the user's would be too long.
  EXPECT_EQ(code_of(client.wait_ack(second)), "rate_limited");
}

TEST(Rates, WhatIsRefusedByOneBucketCostsNothingInAnother) {
  GatewayOptions options = Node::quiet();
  options.rate_limits = true;
  options.messages_per_user = 0.1;
  options.messages_per_user_burst = 2;
  options.messages_per_room = 0.1;
  options.messages_per_room_burst = 1;
  options.rate_delay_max_ms = 0;
  Node node(options);
  const TestUser kim = node.guest("kim");
  const auto one = node.group(kim);
  const auto two = node.group(kim);
  SioClient client(node.port());
  client.join_namespace(kim.auth());
  EXPECT_TRUE(is_ok(client.call("sendMessage", message_json(one, "1"))));
  EXPECT_EQ(code_of(client.call("sendMessage", message_json(one, "2"))), "rate_limited");
  EXPECT_TRUE(is_ok(client.call("sendMessage", message_json(two, "3"))));
}

TEST(Rates, ARoomHasOneBucketByIdAndByNumber) {
  GatewayOptions options = Node::quiet();
  options.rate_limits = true;
  options.messages_per_room = 0.1;
  options.messages_per_room_burst = 2;
  Node node(options);
  const TestUser kim = node.guest("kim");
  const auto room = node.group(kim);
  SioClient client(node.port());
  client.join_namespace(kim.auth());
  const std::string by_number =
      R"({"number":)" + std::to_string(room.chat.number.value) + R"(,"content":"x"})";
  EXPECT_TRUE(is_ok(client.call("sendMessage", message_json(room, "1"))));
  EXPECT_TRUE(is_ok(client.call("sendMessage", by_number)));
  EXPECT_EQ(code_of(client.call("sendMessage", by_number)), "rate_limited");
  EXPECT_EQ(code_of(client.call("sendMessage", message_json(room, "2"))), "rate_limited");
}

TEST(Rates, AnOutsiderCannotUseUpARoomsRate) {
  GatewayOptions options = Node::quiet();
  options.rate_limits = true;
  options.messages_per_room = 0.1;
  options.messages_per_room_burst = 2;
  Node node(options);
  const TestUser kim = node.guest("kim");
  const auto room = node.group(kim);
  SioClient stranger(node.port());
  stranger.join_namespace(node.guest("lee").auth());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(code_of(stranger.call("sendMessage", message_json(room, "x"))), "not_member");
  }
  SioClient member(node.port());
  member.join_namespace(kim.auth());
  EXPECT_TRUE(is_ok(member.call("joinRoom", chat_json(room))));
  EXPECT_TRUE(is_ok(member.call("sendMessage", message_json(room, "1"))));
  EXPECT_TRUE(is_ok(member.call("sendMessage", message_json(room, "2"))));
  EXPECT_EQ(code_of(member.call("sendMessage", message_json(room, "3"))), "rate_limited");
}

TEST(Rates, AUserHasOneBucketByIdAndByName) {
  GatewayOptions options = Node::quiet(AuthMode::kOpen);
  options.rate_limits = true;
  options.messages_per_user = 0.1;
  options.messages_per_user_burst = 2;
  options.joins_per_user = 0.1;
  options.joins_per_user_burst = 2;
  Node node(options);
  const TestUser kim = node.guest("kim");
  const auto room = node.group(kim);
  SioClient client(node.port());
  client.join_namespace("{}");
  const auto as = [&](const char* by_id, const char* by_name, bool id) {
    return R"({"chatId":")" + room.chat.id.hex() + R"(","content":"x",")" +
           (id ? by_id + (R"(":")" + kim.id.hex()) : by_name + std::string(R"(":"KIM)")) + "\"}";
  };
  EXPECT_TRUE(is_ok(client.call("sendMessage", as("from", "fromUserName", true))));
  EXPECT_TRUE(is_ok(client.call("sendMessage", as("from", "fromUserName", false))));
  EXPECT_EQ(code_of(client.call("sendMessage", as("from", "fromUserName", false))), "rate_limited");
  EXPECT_TRUE(is_ok(client.call("joinRoom", as("userId", "userName", false))));
  EXPECT_TRUE(is_ok(client.call("joinRoom", as("userId", "userName", true))));
  EXPECT_EQ(code_of(client.call("joinRoom", as("userId", "userName", false))), "rate_limited");
}

// Beside a rate of its own, whoever reads much by an event pays from the bucket of REST's reads.
void expect_to_be_a_read(const std::string& event, const std::string& payload) {
  struct Case {
    const char* name;
    double GatewayOptions::* rate;
    double GatewayOptions::* burst;
  };
  for (const Case& one :
       {Case{"history", &GatewayOptions::history_per_user, &GatewayOptions::history_per_user_burst},
        Case{"reads", &GatewayOptions::reads_per_user, &GatewayOptions::reads_per_user_burst}}) {
    SCOPED_TRACE(event + one.name);
    GatewayOptions options = Node::quiet();
    options.rate_limits = true;
    options.*one.rate = 0.01;
    options.*one.burst = 2;
    Node node(options);
    const TestUser kim = node.guest("kim");
    const TestUser lee = node.guest("lee");
    SioClient client(node.port());
    client.join_namespace(kim.auth());
    SioClient again(node.port());
    again.join_namespace(kim.auth());
    EXPECT_TRUE(is_ok(client.call(event, payload)));
    EXPECT_TRUE(is_ok(again.call(event, payload)));
    const std::string refused = client.call(event, payload);
    EXPECT_EQ(code_of(refused), "rate_limited");
    EXPECT_GT(number_of(refused, "retryAfterMs"), 5'000u);
    EXPECT_EQ(code_of(again.call(event, payload)), "rate_limited") << "the same bucket";
    SioClient other(node.port());
    other.join_namespace(lee.auth());
    EXPECT_TRUE(is_ok(other.call(event, payload)));
  }
}

TEST(Rates, WatchesOfPresenceAndSyncAreReads) {
  expect_to_be_a_read("watchPresence", R"({"userIds":[]})");
  expect_to_be_a_read("sync", "{}");
}

TEST(Rates, AWatchOfManyCostsWhatItLookedAt) {
  GatewayOptions options = Node::quiet();
  options.rate_limits = true;
  options.reads_per_user = 0.01;
  options.reads_per_user_burst = 3;
  Node node(options);
  const TestUser kim = node.guest("kim");
  std::vector<TestUser> others;
  std::string ids;
  for (int i = 0; i < 99; ++i) {
    others.push_back(node.guest("u" + std::to_string(i)));
    ids += (i == 0 ? "\"" : ",\"") + others.back().id.hex() + '"';
  }
  node.group(kim, others);
  SioClient client(node.port());
  client.join_namespace(kim.auth());
  const std::string all = client.call("watchPresence", R"({"userIds":[)" + ids + "]}");
  EXPECT_EQ(values_of(all, "userId").size(), 99u);
  // A hundred rows are another read.
  EXPECT_TRUE(is_ok(client.call("watchPresence", R"({"userIds":[]})")));
  EXPECT_EQ(code_of(client.call("watchPresence", R"({"userIds":[]})")), "rate_limited");
}

TEST(Rates, EventsPastABoundOfTheParserCountToo) {
  GatewayOptions options = Node::quiet();
  options.rate_limits = true;
  options.events_per_connection = 0.1;
  options.events_per_connection_burst = 3;  // one is the CONNECT's
  options.rate_delay_max_ms = 0;
  Node node(options);
  SioClient client(node.port());
  client.join_namespace(node.guest("kim").auth());
  for (int i = 0; i < 400; ++i) client.send_packet(R"(42["x",{"a":1,"a":2}])");
  for (const char* code : {"invalid_json", "invalid_json", "rate_limited", "rate_limited"}) {
    EXPECT_EQ(code_of(client.wait_event("problem")), code);
  }
  // It does not listen: it is cut off.
  EXPECT_TRUE(client.wait_closed());
  EXPECT_FALSE(client.got_disconnect_packet());
}

TEST(Rates, LeavingAndComingAgainIsNotFree) {
  GatewayOptions options = Node::quiet();
  options.rate_limits = true;
  options.events_per_connection = 0.1;
  options.events_per_connection_burst = 5;
  Node node(options);
  const TestUser kim = node.guest("kim");
  SioClient client(node.port());
  int connects = 0;
  for (; connects < 20; ++connects) {
    if (!client.connect(kim.auth()).starts_with("40")) break;
    client.send_packet("41");
  }
  EXPECT_EQ(connects, 5);
  EXPECT_TRUE(client.wait_closed());
}

TEST(Connect, AUserHasOnlySoManySockets) {
  GatewayOptions options = Node::quiet();
  options.rate_limits = true;
  options.connections_per_user = 2;
  Node node(options);
  const TestUser kim = node.guest("kim");
  auto first = std::make_unique<SioClient>(node.port());
  first->join_namespace(kim.auth());
  SioClient second(node.port());
  second.join_namespace(kim.auth());
  SioClient third(node.port());
  const std::string refused = third.connect(kim.auth());
  EXPECT_TRUE(refused.starts_with(R"(44{"message":"rate_limited")")) << refused;
  SioClient other(node.port());
  other.join_namespace(node.guest("lee").auth());
  first.reset();
  for (int i = 0; i < 100; ++i) {  // the server notices by itself
    SioClient again(node.port());
    if (again.connect(kim.auth()).starts_with("40")) return;
  }
  FAIL() << "the socket that left still counts";
}

TEST(WatchPresence, EndsWithTheLastSharedChat) {
  Node node;
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const TestUser eve = node.guest("eve");
  const auto room = node.group(kim, {lee, eve});
  node.personal(kim, eve);
  SioClient watcher(node.port());
  watcher.join_namespace(kim.auth());
  SioClient watched(node.port());
  const auto watch = [&](SioClient& client, const TestUser& user) {
    return values_of(client.call("watchPresence", R"({"userIds":[")" + user.id.hex() + "\"]}"),
                     "userId");
  };
  ASSERT_EQ(watch(watcher, lee).size(), 1u);
  ASSERT_EQ(watch(watcher, eve).size(), 1u);
  watched.join_namespace(lee.auth());
  EXPECT_EQ(value_of(watcher.wait_event("presence"), "active"), "true");
  ASSERT_EQ(watch(watched, kim).size(), 1u);
  ASSERT_TRUE(node.run(chat::LeaveChat{.chat = room.chat.id, .user = lee.id}));
  EXPECT_FALSE(watched.wait_event("chatRemoved").empty());
  // The looks that end the watches were asked for before these are: two readers, each takes one at
  // a time, so a few of these end after them.
  for (int looks = 0; looks < 8; ++looks) {
    watch(watcher, eve);
    watch(watched, kim);
  }
  watched.abort();
  SioClient stranger(node.port());
  stranger.join_namespace(lee.auth());
  SioClient friendly(node.port());
  friendly.join_namespace(eve.auth());
  EXPECT_EQ(value_of(watcher.wait_event("presence"), "userId"), eve.id.hex());
  EXPECT_TRUE(watcher.wait_event("presence", 1'500).empty());
}

// ---- open mode
// -----------------------------------------------------------------------------------

TEST(OpenMode, BelievesWhoIsNamedButNotForAnAccount) {
  Node node(Node::quiet(AuthMode::kOpen));
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const TestUser boss = node.account("boss");
  const auto room = node.group(kim, {boss});
  SioClient client(node.port());
  const std::string hello = client.join_namespace("{}");
  EXPECT_EQ(value_of(hello, "user"), "null");
  EXPECT_FALSE(client.pid.empty());
  EXPECT_FALSE(client.offset.empty());
  EXPECT_EQ(code_of(client.call("joinRoom", chat_json(room))), "unauthenticated");
  EXPECT_EQ(code_of(client.call("sendMessage", message_json(room, "x"))), "unauthenticated");

  const std::string number = std::to_string(room.chat.number.value);
  std::string ack = client.call("joinRoom", R"({"number":")" + number + R"(","userName":"lee"})");
  ASSERT_TRUE(is_ok(ack)) << ack;
  EXPECT_EQ(value_of(client.wait_event("message"), "toUserName"), "lee");
  EXPECT_TRUE(node.is_online(lee.id));
  ack = client.call("sendMessage", message_json(room, "hi", R"(,"from":")" + kim.id.hex() + "\""));
  EXPECT_EQ(value_of(ack, "fromUserName"), "kim");
  // Named last: kim.
  EXPECT_EQ(value_of(client.call("sendMessage", message_json(room, "hi")), "fromUserName"), "kim");

  const std::string as_boss = message_json(room, "hi", R"(,"fromUserName":"boss")");
  EXPECT_EQ(code_of(client.call("sendMessage", as_boss)), "unauthenticated");
  EXPECT_EQ(
      code_of(client.call("sendMessage", message_json(room, "hi", R"(,"fromUserName":"nobody")"))),
      "not_found");
  SioClient own(node.port());
  own.join_namespace(boss.auth());
  EXPECT_EQ(value_of(own.call("sendMessage", as_boss), "fromUserName"), "boss");
  EXPECT_EQ(value_of(own.call("sendMessage", message_json(room, "hi")), "fromUserName"), "boss");
}

TEST(OpenMode, LogoutClosesASocketOfThatSessionWhomeverItSpeaksFor) {
  Node node(Node::quiet(AuthMode::kOpen));
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const auto room = node.group(lee);
  SioClient client(node.port());
  client.join_namespace(kim.auth());
  const std::string as_lee =
      R"({"chatId":")" + room.chat.id.hex() + R"(","userId":")" + lee.id.hex() + "\"}";
  ASSERT_TRUE(is_ok(client.call("joinRoom", as_lee)));
  ASSERT_TRUE(node.run(chat::RevokeSession{.user = kim.id, .session = kim.session}));
  EXPECT_FALSE(client.wait_event("sessionRevoked", 900).empty());
  EXPECT_TRUE(client.wait_closed());
}

TEST(OpenMode, SendsInOrderThoughEachIsLookedUp) {
  Node node(Node::quiet(AuthMode::kOpen));
  const TestUser kim = node.guest("kim");
  const auto room = node.group(kim);
  SioClient client(node.port());
  client.join_namespace("{}");
  std::vector<int> acks;
  for (int i = 0; i < 200; ++i) {
    acks.push_back(client.emit_with_ack(
        "sendMessage", message_json(room, "m", R"(,"from":")" + kim.id.hex() + "\"")));
  }
  for (std::size_t i = 0; i < acks.size(); ++i) {
    EXPECT_EQ(number_of(client.wait_ack(acks[i]), "sequence"), i + 1);
  }
}

}  // namespace
}  // namespace maru::gateway
