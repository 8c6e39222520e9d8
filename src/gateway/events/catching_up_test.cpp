// After a cut connection: recovery without code in the client, and `sync`. Real parts of a node.
#include <gtest/gtest.h>

#include <map>
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
bool is_ok(const std::string& ack) {
  return ack.starts_with(R"([{"ok":true)");
}
std::uint64_t number_of(const std::string& json, const char* key) {
  const std::string text = value_of(json, key);
  return text.empty() ? ~0ULL : std::stoull(text);
}

std::string recovery_auth(const TestUser& user) {
  return R"({"token":")" + user.token + R"(","recovery":true})";
}
// What stock clients send: pid and offset beside their auth.
std::string recovering_auth(const TestUser& user, const SioClient& earlier) {
  return R"({"pid":")" + earlier.pid + R"(","offset":")" + earlier.offset + R"(","token":")" +
         user.token + R"(","recovery":true})";
}

// ---- recovery
// ------------------------------------------------------------------------------------

class Recovery : public ::testing::Test {
 protected:
  Node node;
  TestUser kim = node.guest("kim");
  TestUser lee = node.guest("lee");
  chat::ChatDocument room = node.group(kim, {lee});

  // The server notices the reset by itself; a new connection may be faster than that.
  std::string reconnect(SioClient& client, const TestUser& user, const SioClient& earlier) {
    EXPECT_TRUE(node.wait_until_gone(lee.id));
    return client.connect(recovering_auth(user, earlier));
  }
};

TEST_F(Recovery, GivesExactlyWhatWasMissedBeforeTheConnect) {
  SioClient first(node.port());
  first.join_namespace(recovery_auth(lee));
  ASSERT_FALSE(first.pid.empty());
  ASSERT_TRUE(is_ok(first.call("joinRoom", chat_json(room))));
  node.send(kim, room.chat.id, "seen");
  EXPECT_EQ(number_of(first.wait_event("message"), "sequence"), 1u);
  first.abort();
  for (int i = 0; i < 5; ++i) node.send(kim, room.chat.id, "missed");
  SioClient second(node.port());
  const std::string answer = reconnect(second, lee, first);
  EXPECT_EQ(value_of(answer, "sid"), first.sid);
  EXPECT_EQ(value_of(answer, "pid"), first.pid);
  for (std::uint64_t n = 2; n <= 6; ++n) {
    EXPECT_EQ(number_of(second.next_event(), "sequence"), n);
  }
  EXPECT_TRUE(second.next_event().starts_with("[\"hello\""));
  node.send(kim, room.chat.id, "live");
  EXPECT_EQ(number_of(second.next_event(), "sequence"), 7u);
  EXPECT_TRUE(second.drain_events(100).empty());
}

TEST_F(Recovery, ASilentClientRecoversFromItsHello) {
  SioClient first(node.port());
  first.join_namespace(recovery_auth(lee));
  node.send(kim, room.chat.id, "before the join");
  ASSERT_EQ(number_of(first.call("joinRoom", chat_json(room)), "sequence"), 1u);
  first.abort();
  node.send(kim, room.chat.id, "missed");
  SioClient second(node.port());
  EXPECT_EQ(value_of(reconnect(second, lee, first), "sid"), first.sid);
  // Not the one that the answer of joinRoom covered.
  EXPECT_EQ(number_of(second.next_event(), "sequence"), 2u);
  EXPECT_TRUE(second.next_event().starts_with("[\"hello\""));
}

TEST_F(Recovery, ACutDuringRecoveryLosesNothing) {
  SioClient first(node.port());
  first.join_namespace(recovery_auth(lee));
  ASSERT_TRUE(is_ok(first.call("joinRoom", chat_json(room))));
  first.abort();
  node.send(kim, room.chat.id, "missed");
  {
    // It never reads what it is sent: its offset stays.
    SioClient lost(node.port());
    ASSERT_EQ(value_of(reconnect(lost, lee, first), "sid"), first.sid);
    lost.abort();
  }
  node.send(kim, room.chat.id, "missed too");
  SioClient second(node.port());
  EXPECT_EQ(value_of(reconnect(second, lee, first), "sid"), first.sid);
  EXPECT_EQ(number_of(second.next_event(), "sequence"), 1u);
  EXPECT_EQ(number_of(second.next_event(), "sequence"), 2u);
}

TEST_F(Recovery, IsForTheSameLoginSessionOnly) {
  SioClient first(node.port());
  first.join_namespace(recovery_auth(lee));
  ASSERT_TRUE(is_ok(first.call("joinRoom", chat_json(room))));
  first.abort();
  SioClient thief(node.port());
  const std::string answer = reconnect(thief, kim, first);
  EXPECT_TRUE(answer.starts_with("40"));
  EXPECT_NE(value_of(answer, "sid"), first.sid);
  EXPECT_NE(value_of(answer, "pid"), first.pid);
  SioClient own(node.port());
  EXPECT_EQ(value_of(own.connect(recovering_auth(lee, first)), "sid"), first.sid);
}

TEST_F(Recovery, NeverForARevokedSession) {
  SioClient first(node.port());
  first.join_namespace(recovery_auth(lee));
  first.abort();
  ASSERT_TRUE(node.run(chat::RevokeSession{.user = lee.id, .session = lee.session}));
  SioClient second(node.port());
  EXPECT_TRUE(reconnect(second, lee, first).starts_with("44"));
}

// Account events are kept nowhere: who missed one begins afresh and asks for the chats.
TEST_F(Recovery, WhoWasRemovedWhileAwayBeginsAfresh) {
  SioClient first(node.port());
  first.join_namespace(recovery_auth(lee));
  ASSERT_TRUE(is_ok(first.call("joinRoom", chat_json(room))));
  first.abort();
  ASSERT_TRUE(node.wait_until_gone(lee.id));
  node.send(kim, room.chat.id, "secret now");
  ASSERT_TRUE(node.run(chat::LeaveChat{.chat = room.chat.id, .user = lee.id}));
  SioClient second(node.port());
  EXPECT_NE(value_of(second.connect(recovering_auth(lee, first)), "sid"), first.sid);
  EXPECT_TRUE(second.next_event().starts_with("[\"hello\""));
  node.send(kim, room.chat.id, "still secret");
  EXPECT_TRUE(second.drain_events(100).empty());
}

TEST_F(Recovery, WhoWasAddedWhileAwayBeginsAfresh) {
  SioClient first(node.port());
  first.join_namespace(recovery_auth(lee));
  ASSERT_TRUE(is_ok(first.call("joinRoom", chat_json(room))));
  node.group(kim, {lee});
  EXPECT_FALSE(first.wait_event("chatAdded").empty());  // with its offset: this one is not missed
  first.abort();
  SioClient second(node.port());
  EXPECT_EQ(value_of(reconnect(second, lee, first), "sid"), first.sid);
  EXPECT_FALSE(second.wait_event("hello").empty());
  second.abort();
  ASSERT_TRUE(node.wait_until_gone(lee.id));
  node.personal(kim, lee);
  SioClient third(node.port());
  EXPECT_NE(value_of(third.connect(recovering_auth(lee, second)), "sid"), first.sid);
}

TEST_F(Recovery, WhoWatchesPresenceGoesOnWatching) {
  SioClient first(node.port());
  first.join_namespace(recovery_auth(lee));
  ASSERT_TRUE(is_ok(first.call("watchPresence", R"({"userIds":[")" + kim.id.hex() + "\"]}")));
  first.abort();
  SioClient second(node.port());
  EXPECT_EQ(value_of(reconnect(second, lee, first), "sid"), first.sid);
  EXPECT_EQ(value_of(second.wait_event("presence"), "active"), "false");
  SioClient watched(node.port());
  watched.join_namespace(kim.auth());
  EXPECT_EQ(value_of(second.wait_event("presence"), "active"), "true");
}

TEST_F(Recovery, OnlyThoseWhoStillShareAChatAreWatchedOn) {
  const TestUser eve = node.guest("eve");
  node.group(eve, {lee});
  SioClient first(node.port());
  first.join_namespace(recovery_auth(lee));
  ASSERT_TRUE(is_ok(first.call(
      "watchPresence", R"({"userIds":[")" + kim.id.hex() + "\",\"" + eve.id.hex() + "\"]}")));
  first.abort();
  ASSERT_TRUE(node.run(chat::LeaveChat{.chat = room.chat.id, .user = kim.id}));
  SioClient second(node.port());
  ASSERT_EQ(value_of(reconnect(second, lee, first), "sid"), first.sid);
  EXPECT_EQ(value_of(second.wait_event("presence"), "userId"), eve.id.hex());
  SioClient stranger(node.port());
  stranger.join_namespace(kim.auth());
  SioClient friendly(node.port());
  friendly.join_namespace(eve.auth());
  EXPECT_EQ(value_of(second.wait_event("presence"), "userId"), eve.id.hex());
}

// The client's address changed: its old connection is not known to be dead.
TEST_F(Recovery, TakesOverFromASocketThatStillLives) {
  auto earlier = std::make_unique<SioClient>(node.port());
  earlier->join_namespace(recovery_auth(lee));
  const std::string sid = earlier->sid;
  ASSERT_TRUE(is_ok(earlier->call("joinRoom", chat_json(room))));
  for (std::uint64_t round = 0; round < 8; ++round) {  // on either I/O thread
    node.send(kim, room.chat.id, "heard");
    ASSERT_EQ(number_of(earlier->wait_event("message"), "sequence"), 2 * round + 1);
    node.send(kim, room.chat.id, "into the void");
    auto later = std::make_unique<SioClient>(node.port());
    ASSERT_EQ(value_of(later->connect(recovering_auth(lee, *earlier)), "sid"), sid) << round;
    ASSERT_EQ(number_of(later->wait_event("message"), "sequence"), 2 * round + 2);
    EXPECT_TRUE(earlier->wait_closed());
    EXPECT_FALSE(earlier->got_disconnect_packet());
    earlier = std::move(later);
  }
  // Not for another login session, and that one closes nothing.
  SioClient thief(node.port());
  EXPECT_NE(value_of(thief.connect(recovering_auth(kim, *earlier)), "sid"), sid);
  node.send(kim, room.chat.id, "still here");
  EXPECT_EQ(number_of(earlier->wait_event("message"), "sequence"), 17u);
}

TEST_F(Recovery, AConnectionThatDiesWhileItRecoversCostsNothing) {
  SioClient first(node.port());
  first.join_namespace(recovery_auth(lee));
  ASSERT_TRUE(is_ok(first.call("joinRoom", chat_json(room))));
  first.abort();
  ASSERT_TRUE(node.wait_until_gone(lee.id));
  node.send(kim, room.chat.id, "missed");
  for (int round = 0; round < 30; ++round) {
    SioClient lost(node.port());
    lost.send_packet("40" + recovering_auth(lee, first));
    // Each at another moment of its recovery.
    if (round % 3 != 0) std::this_thread::sleep_for(std::chrono::microseconds(round * 40));
    lost.abort();
  }
  SioClient second(node.port());
  ASSERT_EQ(value_of(second.connect(recovering_auth(lee, first)), "sid"), first.sid);
  EXPECT_EQ(number_of(second.wait_event("message"), "sequence"), 1u);
}

// The first query is the authentication; what was missed is read when the readers have room again.
TEST_F(Recovery, WaitsForBusyReaders) {
  SioClient first(node.port());
  first.join_namespace(recovery_auth(lee));
  ASSERT_TRUE(is_ok(first.call("joinRoom", chat_json(room))));
  first.abort();
  ASSERT_TRUE(node.wait_until_gone(lee.id));
  node.send(kim, room.chat.id, "missed");
  SioClient second(node.port());
  node.refuse_queries(1, 2);
  second.send_packet("40" + recovering_auth(lee, first));
  ASSERT_TRUE(node.wait_until_refused());
  node.send(kim, room.chat.id, "held meanwhile");
  EXPECT_EQ(number_of(second.wait_event("message"), "sequence"), 1u);
  EXPECT_EQ(number_of(second.wait_event("message"), "sequence"), 2u);
  EXPECT_EQ(second.sid, first.sid);
}

// With a chat to attach it waits its turn; without one a few frames are kept.
TEST_F(Recovery, WhatComesForTheUserMeanwhileIsKeptOrMakesItFresh) {
  const struct {
    bool hears_a_chat;
    std::size_t count;
    bool goes_on;
  } cases[] = {{true, 3, true}, {true, 70, true}, {false, 3, true}, {false, 70, false}};
  for (const auto& one : cases) {
    SioClient first(node.port());
    first.join_namespace(recovery_auth(lee));
    if (one.hears_a_chat) {
      ASSERT_TRUE(is_ok(first.call("joinRoom", chat_json(room))));
    }
    first.abort();
    ASSERT_TRUE(node.wait_until_gone(lee.id));
    SioClient second(node.port());
    node.refuse_queries(1, 3);
    second.send_packet("40" + recovering_auth(lee, first));
    ASSERT_TRUE(node.wait_until_refused());
    for (std::size_t i = 0; i < one.count; ++i) node.group(kim, {lee});
    ASSERT_FALSE(second.wait_event("hello").empty());
    EXPECT_EQ(second.sid == first.sid, one.goes_on) << one.hears_a_chat << ' ' << one.count;
    if (one.goes_on) {
      for (std::size_t i = 0; i < one.count; ++i) {
        EXPECT_FALSE(second.wait_event("chatAdded").empty());
      }
    }
    second.abort();
    ASSERT_TRUE(node.wait_until_gone(lee.id));
  }
}

TEST_F(Recovery, FallsBackToAFreshSocket) {
  SioClient first(node.port());
  first.join_namespace(recovery_auth(lee));
  for (const auto& [pid, offset] :
       {std::pair<std::string, std::string>{"nonsense", first.offset}, {first.pid, "x"}}) {
    SioClient client(node.port());
    const std::string answer =
        client.connect(R"({"pid":")" + pid + R"(","offset":")" + offset + R"(","token":")" +
                       lee.token + R"(","recovery":true})");
    EXPECT_TRUE(answer.starts_with("40"));
    EXPECT_NE(value_of(answer, "sid"), first.sid);
    EXPECT_TRUE(client.wait_event("hello").starts_with("[\"hello\""));
  }
}

TEST(OpenModeRecovery, WhoSpokeForSeveralBeginsAfresh) {
  Node node(Node::quiet(AuthMode::kOpen));
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const auto of_kim = node.group(kim);
  const auto of_lee = node.group(lee);
  const auto join_as = [](SioClient& client, const TestUser& user, const chat::ChatDocument& chat) {
    return is_ok(client.call("joinRoom", R"({"chatId":")" + chat.chat.id.hex() + R"(","userId":")" +
                                             user.id.hex() + "\"}"));
  };
  for (const bool several : {false, true}) {
    SioClient first(node.port());
    first.join_namespace("{}");
    ASSERT_TRUE(join_as(first, kim, of_kim));
    if (several) {
      ASSERT_TRUE(join_as(first, lee, of_lee));
    }
    first.abort();
    // Nobody's socket is counted for a user here. Should the reset be noticed later than this, then
    // the new connection takes over from the old one, which comes to the same.
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    SioClient second(node.port());
    const std::string answer =
        second.connect(R"({"pid":")" + first.pid + R"(","offset":")" + first.offset + "\"}");
    EXPECT_EQ(value_of(answer, "sid") == first.sid, !several);
  }
}

// Cut again and again while messages flow: the sequence goes on without a hole or a repetition.
TEST_F(Recovery, HoldsUnderConcurrentSends) {
  const std::jthread sender([&](const std::stop_token& token) {
    while (!token.stop_requested()) {
      node.send(kim, room.chat.id, "x");
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
  });
  auto client = std::make_unique<SioClient>(node.port());
  client->join_namespace(recovery_auth(lee));
  std::uint64_t last = number_of(client->call("joinRoom", chat_json(room)), "sequence");
  int recovered = 0;
  for (int round = 0; round < 15; ++round) {
    for (int i = 0; i < 10; ++i) {
      const std::uint64_t next = number_of(client->wait_event("message"), "sequence");
      ASSERT_EQ(next, last + 1) << "round " << round;
      last = next;
    }
    // What was read off the wire but not looked at counts as seen: the offset says so.
    for (const std::string& event : client->drain_events(0)) {
      if (!event.starts_with("[\"message\"")) continue;
      ASSERT_EQ(number_of(event, "sequence"), ++last);
    }
    auto next = std::make_unique<SioClient>(node.port());
    client->abort();
    const std::string answer = reconnect(*next, lee, *client);
    ASSERT_TRUE(answer.starts_with("40")) << answer;
    ASSERT_EQ(value_of(answer, "sid"), client->sid) << "round " << round;
    ++recovered;
    client = std::move(next);
  }
  EXPECT_EQ(recovered, 15);
}

// ---- sync
// ----------------------------------------------------------------------------------------

// Values inside one chat's entry of an answer.
std::string entry_of(const std::string& ack, const std::string& chat_id) {
  const std::size_t at = ack.find(R"({"id":")" + chat_id + R"(","from")");
  if (at == std::string::npos) return {};
  return ack.substr(at, ack.find(R"(,"role":)", at) - at);
}

TEST(Sync, SaysWhatIsMissingAndAttaches) {
  Node node;
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const auto one = node.group(kim, {lee});
  const auto two = node.group(kim, {lee});
  for (int i = 0; i < 3; ++i) node.send(kim, one.chat.id, "x");
  SioClient client(node.port());
  client.join_namespace(lee.auth());
  const std::string foreign = "65a1b2c3d4e5f60718293a4b";
  const std::string ack =
      client.call("sync", R"({"epoch":")" + node.epoch() + R"(","chats":{")" + one.chat.id.hex() +
                              R"(":1,")" + foreign + R"(":9}})");
  ASSERT_TRUE(is_ok(ack)) << ack;
  EXPECT_EQ(value_of(ack, "epoch"), node.epoch());
  EXPECT_NE(ack.find(R"("removed":[")" + foreign + "\"]"), std::string::npos) << ack;
  EXPECT_NE(ack.find(R"("cursor":null)"), std::string::npos);
  const std::string entry = entry_of(ack, one.chat.id.hex());
  EXPECT_EQ(number_of(entry, "from"), 1u);
  EXPECT_EQ(number_of(entry, "to"), 3u);
  EXPECT_EQ(values_of(entry, "sequence"), (std::vector<std::string>{"2", "3"}));
  EXPECT_NE(entry.find(R"([["message",{"_id":)"), std::string::npos);
  EXPECT_FALSE(entry_of(ack, two.chat.id.hex()).empty());
  EXPECT_NE(ack.find(R"("added":[{"_id":")" + two.chat.id.hex()), std::string::npos) << ack;
  // Both are attached now.
  node.send(kim, one.chat.id, "live");
  node.send(kim, two.chat.id, "live");
  EXPECT_EQ(number_of(client.wait_event("message"), "sequence"), 4u);
  EXPECT_EQ(number_of(client.wait_event("message"), "sequence"), 1u);
  // Attached and not named: left out.
  const std::string again = client.call("sync", "{}");
  EXPECT_NE(again.find(R"("chats":[])"), std::string::npos) << again;
}

TEST(Sync, IsAttachedOnlyByTheAnswerThatSaysNoMore) {
  Node node;
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const auto room = node.group(kim, {lee});
  for (int i = 0; i < 150; ++i) node.send(kim, room.chat.id, "x");
  SioClient client(node.port());
  client.join_namespace(lee.auth());
  const std::string id = room.chat.id.hex();
  std::string entry = entry_of(client.call("sync", R"({"chats":{")" + id + R"(":0}})"), id);
  EXPECT_EQ(number_of(entry, "to"), 100u);
  EXPECT_EQ(value_of(entry, "more"), "true");
  node.send(kim, room.chat.id, "not live yet");
  EXPECT_TRUE(client.drain_events(100).empty());
  entry = entry_of(client.call("sync", R"({"chats":{")" + id + R"(":100}})"), id);
  EXPECT_EQ(number_of(entry, "to"), 151u);
  EXPECT_EQ(value_of(entry, "more"), "false");
  node.send(kim, room.chat.id, "live");
  EXPECT_EQ(number_of(client.wait_event("message"), "sequence"), 152u);
}

TEST(Sync, AnotherEpochResets) {
  Node node;
  const TestUser kim = node.guest("kim");
  const auto room = node.group(kim);
  node.send(kim, room.chat.id, "x");
  SioClient client(node.port());
  client.join_namespace(kim.auth());
  const std::string id = room.chat.id.hex();
  const std::string ack = client.call("sync", R"({"epoch":"other","chats":{")" + id + R"(":1}})");
  ASSERT_TRUE(is_ok(ack));
  EXPECT_EQ(value_of(ack, "reset"), "true");
  EXPECT_EQ(value_of(entry_of(ack, id), "reset"), "true");
  EXPECT_EQ(number_of(entry_of(ack, id), "from"), 0u);
}

TEST(Sync, GoesThroughManyChatsByCursor) {
  Node node;
  const TestUser kim = node.guest("kim");
  std::map<std::string, int> seen;
  for (int i = 0; i < 450; ++i) seen[node.group(kim).chat.id.hex()] = 0;
  SioClient client(node.port());
  client.join_namespace(kim.auth());
  std::string cursor = "null";
  int calls = 0;
  do {
    ASSERT_LT(++calls, 5);
    const std::string ack = client.call("sync", R"({"cursor":)" + cursor + "}");
    ASSERT_TRUE(is_ok(ack)) << ack;
    const std::size_t chats_end = ack.find(R"("added":)");
    const auto ids = values_of(ack.substr(0, chats_end), "id");
    EXPECT_LE(ids.size(), 200u);
    for (const std::string& id : ids) ++seen[id];
    cursor = value_of(ack.substr(chats_end), "cursor");
    if (cursor != "null") cursor = "\"" + cursor + "\"";
  } while (cursor != "null");
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(seen.size(), 450u);
  for (const auto& [id, times] : seen) EXPECT_EQ(times, 1) << id;
}

// A client that only syncs and follows its rule ends with 1..N, however often it is cut.
TEST(Sync, RepairsEveryGapUnderConcurrentSends) {
  Node node;
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const auto room = node.group(kim, {lee});
  const std::jthread sender([&](const std::stop_token& token) {
    while (!token.stop_requested()) node.send(kim, room.chat.id, "x");
  });
  const std::string id = room.chat.id.hex();
  std::uint64_t last = 0;
  for (int round = 0; round < 20; ++round) {
    SioClient client(node.port());
    client.join_namespace(lee.auth());
    bool more = true;
    while (more) {
      const std::string ack =
          client.call("sync", R"({"chats":{")" + id + "\":" + std::to_string(last) + "}}");
      const std::string entry = entry_of(ack, id);
      ASSERT_FALSE(entry.empty()) << ack;
      const std::uint64_t from = number_of(entry, "from");
      if (value_of(entry, "reset") == "false") {
        ASSERT_EQ(from, last);
      }
      std::uint64_t at = from;
      for (const std::string& text : values_of(entry, "sequence")) {
        ASSERT_EQ(std::stoull(text), ++at);
      }
      last = number_of(entry, "to");
      ASSERT_EQ(at, last);
      more = value_of(entry, "more") == "true";
    }
    for (int i = 0; i < 5; ++i) {
      ASSERT_EQ(number_of(client.wait_event("message"), "sequence"), ++last) << "round " << round;
    }
  }
}

}  // namespace
}  // namespace maru::gateway
