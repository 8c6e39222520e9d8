#include "socketio/connection.hpp"

#include <gtest/gtest.h>

namespace maru::socketio {
namespace {

using Kind = Received::Kind;

struct SocketIoConnection : ::testing::Test {
  static inline const std::string kMain = "/";
  static inline const std::string kAdmin = "/admin";
  static constexpr std::size_t kBytesMax = 100;

  Kind text(std::string_view message) { return connection.on_text(decoder, message).kind; }
  Kind binary(std::string_view bytes) {
    return connection.on_binary(decoder, bytes, kBytesMax).kind;
  }
  void join(Membership& membership, const std::string& name) {
    membership.name = &name;
    membership.state = Membership::State::kJoined;
    connection.add(membership);
  }

  Decoder decoder;
  Membership main;
  Membership admin;
  Connection connection;
};

TEST_F(SocketIoConnection, ConnectsEachNamespaceOnce) {
  EXPECT_EQ(text("0"), Kind::kConnect);
  main.name = &kMain;
  connection.add(main);
  EXPECT_EQ(text("0"), Kind::kFaulty);  // still pending
  main.state = Membership::State::kJoined;
  EXPECT_EQ(text("0"), Kind::kFaulty);
  EXPECT_EQ(text("0/admin,{}"), Kind::kConnect);
  main.state = Membership::State::kLeft;
  EXPECT_EQ(text("0"), Kind::kConnect);
}

TEST_F(SocketIoConnection, RefusesPacketsForNamespacesThatAreNotJoined) {
  for (const char* message : {R"(2["a"])", "31[]", "1"}) EXPECT_EQ(text(message), Kind::kFaulty);
  main.name = &kMain;
  connection.add(main);
  for (const char* message : {R"(2["a"])", "31[]", "1"}) EXPECT_EQ(text(message), Kind::kFaulty);
  main.state = Membership::State::kJoined;
  EXPECT_EQ(text(R"(2["a"])"), Kind::kEvent);
  EXPECT_EQ(text("31[]"), Kind::kAck);
  EXPECT_EQ(text("1"), Kind::kDisconnect);
  EXPECT_EQ(text("2"), Kind::kNothing);
  EXPECT_EQ(text(R"(2/admin,["a"])"), Kind::kFaulty);
  EXPECT_EQ(text("4\"client error\""), Kind::kFaulty);
}

TEST_F(SocketIoConnection, FindsTheNamespaceOfAnEvent) {
  join(main, kMain);
  join(admin, kAdmin);
  EXPECT_EQ(connection.on_text(decoder, R"(2/admin,["a"])").membership, &admin);
  EXPECT_EQ(connection.on_text(decoder, R"(2["a"])").membership, &main);
  connection.remove(main);
  EXPECT_EQ(connection.first(), &admin);
  EXPECT_EQ(text(R"(2["a"])"), Kind::kFaulty);
}

TEST_F(SocketIoConnection, PutsBinaryPacketsTogether) {
  join(main, kMain);
  EXPECT_EQ(text(R"(52-7["m",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}])"),
            Kind::kNothing);
  EXPECT_EQ(binary("abc"), Kind::kNothing);
  const Received received = connection.on_binary(decoder, "", kBytesMax);
  ASSERT_EQ(received.kind, Kind::kEvent);
  EXPECT_EQ(received.payload.event_name, "m");
  EXPECT_EQ(received.header.ack, 7U);
  ASSERT_EQ(received.attachments.size(), 2U);
  EXPECT_EQ(received.attachments[0], "abc");
  EXPECT_EQ(received.attachments[1], "");
  EXPECT_EQ(text(R"(2["a"])"), Kind::kEvent);
}

TEST_F(SocketIoConnection, CountsAttachmentsThatNobodyWants) {
  join(main, kMain);
  const auto counted = Connection::Attachments::kCounted;
  EXPECT_EQ(text(R"(52-7["m",{"_placeholder":true,"num":1}])"), Kind::kNothing);
  EXPECT_TRUE(connection.is_assembling());
  EXPECT_EQ(connection.on_binary(decoder, "abc", kBytesMax, counted).kind, Kind::kNothing);
  const Received received = connection.on_binary(decoder, "d", kBytesMax, counted);
  ASSERT_EQ(received.kind, Kind::kEvent);
  EXPECT_EQ(received.payload.event_name, "m");
  EXPECT_EQ(received.header.ack, 7U);
  EXPECT_TRUE(received.attachments.empty());
  // The bound is the same.
  EXPECT_EQ(text(R"(52-["m"])"), Kind::kNothing);
  EXPECT_EQ(connection.on_binary(decoder, std::string(100, 'x'), kBytesMax, counted).kind,
            Kind::kNothing);
  EXPECT_EQ(connection.on_binary(decoder, "x", kBytesMax, counted).kind, Kind::kFaulty);
}

TEST_F(SocketIoConnection, KeepsADeliveredPacketOnlyUntilItIsForgotten) {
  join(main, kMain);
  connection.forget_delivered();
  EXPECT_EQ(text(R"(51-["m"])"), Kind::kNothing);
  connection.forget_delivered();
  EXPECT_TRUE(connection.is_assembling()) << "not delivered yet";
  EXPECT_EQ(binary("abc"), Kind::kEvent);
  EXPECT_FALSE(connection.is_assembling());
  connection.forget_delivered();
  EXPECT_EQ(binary("abc"), Kind::kFaulty);
  EXPECT_EQ(text(R"(2["a"])"), Kind::kEvent);
}

TEST_F(SocketIoConnection, RefusesBinaryOutOfPlace) {
  join(main, kMain);
  EXPECT_EQ(binary("abc"), Kind::kFaulty);
  EXPECT_EQ(text(R"(51-["m",{"_placeholder":true,"num":0}])"), Kind::kNothing);
  EXPECT_EQ(text(R"(2["a"])"), Kind::kFaulty);
}

TEST_F(SocketIoConnection, RefusesBinaryAfterTheLastAttachment) {
  join(main, kMain);
  EXPECT_EQ(text(R"(51-["m"])"), Kind::kNothing);
  EXPECT_EQ(binary("abc"), Kind::kEvent);
  EXPECT_EQ(binary("abc"), Kind::kFaulty);
}

TEST_F(SocketIoConnection, BoundsTheAttachmentsTogether) {
  join(main, kMain);
  EXPECT_EQ(text(R"(53-["m"])"), Kind::kNothing);
  EXPECT_EQ(binary(std::string(60, 'x')), Kind::kNothing);
  EXPECT_EQ(binary(std::string(40, 'x')), Kind::kNothing);
  EXPECT_EQ(binary("x"), Kind::kFaulty);
}

TEST_F(SocketIoConnection, RefusesAMalformedBinaryPacketBeforeItsAttachments) {
  join(main, kMain);
  EXPECT_EQ(text(R"(51-["x",{"_placeholder":true,"num":"splice"}])"), Kind::kFaulty);
  EXPECT_EQ(text(R"(5999999999-["x"])"), Kind::kFaulty);
}

TEST_F(SocketIoConnection, BinaryPacketForASocketThatLeftMeanwhileIsFaulty) {
  join(main, kMain);
  EXPECT_EQ(text(R"(51-["m"])"), Kind::kNothing);
  main.state = Membership::State::kLeft;
  EXPECT_EQ(binary("abc"), Kind::kFaulty);
}

TEST_F(SocketIoConnection, BoundsItsNamespaces) {
  std::vector<Membership> many(kNamespacesMax);
  for (Membership& membership : many) {
    EXPECT_FALSE(connection.is_full());
    join(membership, kMain);
  }
  EXPECT_TRUE(connection.is_full());
}

}  // namespace
}  // namespace maru::socketio
