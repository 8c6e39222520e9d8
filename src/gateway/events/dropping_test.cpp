// What an event waits for may be dropped at any moment (a stop, a queue that closes): its client is
// told to try again, and nothing of it stays behind.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "gateway/events/testing/node.hpp"
#include "gateway/events/testing/sio_client.hpp"

namespace maru::gateway {
namespace {

using testing::Node;
using testing::SioClient;
using testing::TestUser;
using testing::value_of;

GatewayOptions options_of(AuthMode mode) {
  GatewayOptions options = Node::quiet(mode);
  options.leave_grace_ms = 1;
  options.commands_in_flight_max = 2;  // what is left in flight is seen at once
  return options;
}

class Dropping : public ::testing::TestWithParam<AuthMode> {
 protected:
  Dropping() : node_(options_of(GetParam()), 1) {
    client_.join_namespace(is_open() ? "{}" : lee_.auth());
  }
  [[nodiscard]] static bool is_open() { return GetParam() == AuthMode::kOpen; }

  // `field` names Lee, where that is read.
  [[nodiscard]] std::string payload(const chat::ChatDocument& chat, const std::string& field,
                                    const std::string& more = {}) const {
    return R"({"chatNumber":)" + std::to_string(chat.chat.number.value) + ",\"" + field +
           R"(":"lee")" + more + "}";
  }

  // Calls again and again, with the first, the second … of what it waits for dropped, until nothing
  // is. How many there were.
  int drop_each(const std::string& event, const std::string& payload) {
    for (int dropped = 0;; ++dropped) {
      node_.lose_one(dropped);
      const std::string ack = client_.call(event, payload);
      if (!node_.end_loss()) {
        EXPECT_TRUE(ack.starts_with(R"([{"ok":true)")) << event << ' ' << ack;
        return dropped;
      }
      EXPECT_EQ(value_of(ack, "code"), "unavailable") << event << ' ' << dropped << ' ' << ack;
      EXPECT_EQ(value_of(client_.call("nonsense", "{}"), "code"), "not_found");
    }
  }

  Node node_;
  const TestUser kim_ = node_.guest("kim");
  const TestUser lee_ = node_.guest("lee");
  SioClient client_{node_.port()};
};

TEST_P(Dropping, JoinRoomOfAMember) {
  const auto room = node_.group(kim_, {lee_});
  EXPECT_EQ(drop_each("joinRoom", payload(room, "userName")), 2);
  node_.send(kim_, room.chat.id, "heard once");
  EXPECT_EQ(value_of(client_.wait_event("message"), "content"), "heard once");
  EXPECT_TRUE(client_.drain_events(50).empty());
}

TEST_P(Dropping, JoinRoomOfSomebodyNew) {
  const auto room = node_.group(kim_);
  EXPECT_EQ(drop_each("joinRoom", payload(room, "userName")), 3);
  EXPECT_EQ(value_of(client_.wait_event("message"), "sequence"), "1");
}

TEST_P(Dropping, SendMessage) {
  const auto room = node_.group(kim_, {lee_});
  SioClient hears(node_.port());
  hears.join_namespace(is_open() ? "{}" : kim_.auth());
  ASSERT_TRUE(hears
                  .call("joinRoom", R"({"chatId":")" + room.chat.id.hex() + R"(","userId":")" +
                                        kim_.id.hex() + "\"}")
                  .starts_with(R"([{"ok":true)"));
  EXPECT_EQ(drop_each("sendMessage", payload(room, "fromUserName", R"(,"content":"x")")), 2);
  EXPECT_EQ(value_of(hears.wait_event("message"), "sequence"), "1");
  EXPECT_TRUE(hears.drain_events(50).empty());
}

TEST_P(Dropping, SendMessageToAChatThatItHears) {
  const auto room = node_.group(kim_, {lee_});
  ASSERT_TRUE(client_.call("joinRoom", payload(room, "userName")).starts_with(R"([{"ok":true)"));
  const std::string to_it =
      R"({"chatId":")" + room.chat.id.hex() + R"(","content":"x","fromUserName":"lee"})";
  EXPECT_EQ(drop_each("sendMessage", to_it), is_open() ? 2 : 1);
}

TEST_P(Dropping, LeaveRoom) {
  // Whatever comes after the sequencer was asked is a leave of its own.
  const auto room = node_.group(kim_, {lee_});
  EXPECT_EQ(drop_each("leaveRoom", payload(room, "userName")), is_open() ? 4 : 3);
  const std::string ack =
      client_.call("sendMessage", payload(room, "fromUserName", R"(,"content":"x")"));
  EXPECT_EQ(value_of(ack, "code"), "not_member");
}

TEST_P(Dropping, Sync) {
  const auto room = node_.group(kim_, {lee_});
  node_.send(kim_, room.chat.id, "before");
  EXPECT_EQ(drop_each("sync", R"({"chats":{},"userName":"lee"})"), 2);
  node_.send(kim_, room.chat.id, "after");
  EXPECT_EQ(value_of(client_.wait_event("message"), "content"), "after");
}

TEST_P(Dropping, WatchPresence) {
  node_.group(kim_, {lee_});
  EXPECT_EQ(drop_each("watchPresence", R"({"userIds":[")" + kim_.id.hex() + "\"]}"), 1);
  SioClient kim(node_.port());
  kim.join_namespace(kim_.auth());
  EXPECT_EQ(value_of(client_.wait_event("presence"), "userId"), kim_.id.hex());
}

// The look that ends a watch was dropped: the next change looks again.
TEST(DroppingChecks, OfPresenceIsMadeUpForByTheNextChange) {
  Node node(Node::quiet(), 1);
  const TestUser kim = node.guest("kim");
  const TestUser lee = node.guest("lee");
  const TestUser eve = node.guest("eve");
  const auto one = node.group(kim, {lee});
  const auto other = node.group(kim, {lee, eve});
  SioClient watcher(node.port());
  watcher.join_namespace(kim.auth());
  const auto watch = [&](const TestUser& user) {
    return watcher.call("watchPresence", R"({"userIds":[")" + user.id.hex() + "\"]}");
  };
  ASSERT_EQ(value_of(watch(lee), "userId"), lee.id.hex());
  node.lose_one(0);
  ASSERT_TRUE(node.run(chat::LeaveChat{.chat = one.chat.id, .user = lee.id}));
  ASSERT_TRUE(node.wait_until_lost());
  ASSERT_TRUE(node.run(chat::LeaveChat{.chat = other.chat.id, .user = lee.id}));
  // The look was asked for before these are; two readers, so a few of them end after it.
  for (int looks = 0; looks < 8; ++looks) watch(eve);
  SioClient stranger(node.port());
  stranger.join_namespace(lee.auth());
  SioClient friendly(node.port());
  friendly.join_namespace(eve.auth());
  EXPECT_EQ(value_of(watcher.wait_event("presence"), "userId"), eve.id.hex());
  EXPECT_TRUE(watcher.wait_event("presence", 1'500).empty());
}

INSTANTIATE_TEST_SUITE_P(Modes, Dropping, ::testing::Values(AuthMode::kAccounts, AuthMode::kOpen),
                         [](const auto& mode) {
                           return mode.param == AuthMode::kOpen ? "Open" : "Accounts";
                         });

}  // namespace
}  // namespace maru::gateway
