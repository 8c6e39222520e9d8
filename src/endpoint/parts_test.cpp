// The parts of the endpoint that need no connection: ids, the table, last words, queries, answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "endpoint/handshake_query.hpp"
#include "endpoint/http_answers.hpp"
#include "endpoint/lobby.hpp"
#include "endpoint/sid.hpp"
#include "endpoint/socket_session.hpp"
#include "endpoint/tombstones.hpp"

namespace maru::endpoint {
namespace {

SessionSecret secret_of(std::uint8_t fill) {
  SessionSecret secret;
  secret.fill(fill);
  return secret;
}

TEST(Sid, RoundTrips) {
  for (const std::uint16_t thread : {0, 1, 255, 256, 65535}) {
    const Sid sid{thread, secret_of(0xA5)};
    const std::string text = format_sid(sid);
    EXPECT_EQ(text.size(), kSidSize);
    EXPECT_EQ(parse_sid(text), sid);
  }
}

TEST(Sid, RefusesWhatIsNone) {
  const std::string text = format_sid({1, secret_of(7)});
  EXPECT_FALSE(parse_sid(""));
  EXPECT_FALSE(parse_sid(text.substr(1)));
  EXPECT_FALSE(parse_sid(text + "A"));
  EXPECT_FALSE(parse_sid("~" + text.substr(1)));
  EXPECT_FALSE(parse_sid("+" + text.substr(1)));
  EXPECT_FALSE(parse_sid(std::string(kSidSize, '\0')));
}

TEST(Tombstones, TellOnceInOrder) {
  Tombstones stones;
  stones.add(secret_of(1), {"41", "42", "1"}, {0});
  stones.add(secret_of(2), {"6"}, {0});
  EXPECT_EQ(stones.take(secret_of(1), {1}), "41");
  EXPECT_EQ(stones.take(secret_of(1), {1}), "42");
  EXPECT_EQ(stones.take(secret_of(1), {1}), "1");
  EXPECT_FALSE(stones.take(secret_of(1), {1}));
  EXPECT_EQ(stones.take(secret_of(2), {1}), "6");
  EXPECT_FALSE(stones.take(secret_of(2), {1}));
  EXPECT_FALSE(stones.take(secret_of(3), {1}));
}

TEST(Tombstones, ForgetInTime) {
  Tombstones stones;
  stones.add(secret_of(1), {"6"}, {0});
  stones.add(secret_of(2), {"6"}, {1000});
  EXPECT_FALSE(stones.take(secret_of(1), {Tombstones::kKeptMs + 1}));
  EXPECT_EQ(stones.take(secret_of(2), {Tombstones::kKeptMs + 1}), "6");
}

TEST(Tombstones, AreBoundedInCountAndBytes) {
  Tombstones stones;
  for (std::size_t i = 0; i <= Tombstones::kCountMax; ++i) {
    SessionSecret secret = secret_of(0);
    secret[0] = static_cast<std::uint8_t>(i);
    secret[1] = static_cast<std::uint8_t>(i >> 8);
    stones.add(secret, {"6"}, {0});
  }
  EXPECT_EQ(stones.size(), Tombstones::kCountMax);
  EXPECT_FALSE(stones.take(secret_of(0), {0}));
  stones.add(secret_of(9), {std::string(Tombstones::kBytesMax - 1, 'x'), "1"}, {0});
  stones.add(secret_of(8), {"one more", "1"}, {0});
  EXPECT_FALSE(stones.take(secret_of(9), {0}));
  EXPECT_EQ(stones.take(secret_of(8), {0}), "one more");
  stones.add(secret_of(7), {std::string(Tombstones::kBytesMax, 'x'), "1"}, {0});
  EXPECT_FALSE(stones.take(secret_of(7), {0}));
}

net::RequestHead head_from(const std::string& address, bool exempt = false) {
  net::RequestHead head;
  head.peer_address = address;
  head.exempt_from_address_limits = exempt;
  return head;
}

TEST(Lobby, IsBoundedInAllAndByAddress) {
  Lobby lobby(5, 2);
  std::vector<Lobby::Place> places;
  const auto enters = [&](const std::string& address, bool exempt = false) {
    auto place = lobby.enter(head_from(address, exempt));
    if (place) places.push_back(std::move(*place));
    return place.has_value();
  };
  EXPECT_TRUE(enters("192.0.2.1"));
  EXPECT_TRUE(enters("192.0.2.1"));
  EXPECT_FALSE(enters("192.0.2.1"));
  EXPECT_TRUE(enters("2001:db8::1"));
  EXPECT_TRUE(enters("2001:db8::ffff"));
  EXPECT_FALSE(enters("2001:db8::2")) << "one network";
  EXPECT_TRUE(enters("127.0.0.1", true));
  EXPECT_EQ(lobby.size(), 5U);
  EXPECT_FALSE(enters("127.0.0.1", true)) << "full for all";
  places.pop_back();
  EXPECT_TRUE(enters("127.0.0.1", true));
  places.pop_back();
  places.erase(places.begin());
  EXPECT_TRUE(enters("192.0.2.1"));
  places.clear();
  EXPECT_EQ(lobby.size(), 0U);
}

TEST(Lobby, WithoutBoundsLetsEverybodyIn) {
  Lobby lobby(0, 0);
  std::vector<Lobby::Place> places;
  for (int i = 0; i < 1000; ++i) places.push_back(*lobby.enter(head_from("192.0.2.1")));
  EXPECT_EQ(lobby.size(), 1000U);
}

TEST(HandshakeQuery, ReadsWhatItKnows) {
  const auto query = read_handshake_query("EIO=4&transport=polling&t=abc&sid=x%2Dy&b64=1");
  EXPECT_EQ(query.transport, HandshakeQuery::Transport::kPolling);
  EXPECT_TRUE(query.is_protocol_4);
  EXPECT_TRUE(query.has_sid);
  EXPECT_EQ(query.sid, "x-y");
  EXPECT_TRUE(query.base64);
}

TEST(HandshakeQuery, TakesNothingFromWhatIsGivenTwice) {
  const auto query =
      read_handshake_query("EIO=4&EIO=4&transport=websocket&transport=websocket&sid=a&sid=b");
  EXPECT_EQ(query.transport, HandshakeQuery::Transport::kUnknown);
  EXPECT_FALSE(query.is_protocol_4);
  EXPECT_TRUE(query.has_sid);
  EXPECT_EQ(query.sid, "");
}

TEST(HandshakeQuery, TakesAnEmptySidForNone) {
  EXPECT_FALSE(read_handshake_query("sid=").has_sid);
  EXPECT_FALSE(read_handshake_query("sid").has_sid);
  EXPECT_FALSE(read_handshake_query("").has_sid);
  EXPECT_FALSE(read_handshake_query("&&=&=&Sid=a").has_sid);
}

TEST(HttpAnswers, MergeVaryIntoAPreflight) {
  net::RequestHead head;
  head.fields.emplace_back("access-control-request-headers", "x-a");
  const auto answer = preflight_answer(
      head, {{"Access-Control-Allow-Origin", "https://a.example"}, {"Vary", "Origin"}});
  EXPECT_EQ(answer.status, 204);
  const auto vary = std::ranges::find(answer.fields, "Vary", &Fields::value_type::first);
  ASSERT_NE(vary, answer.fields.end());
  EXPECT_EQ(vary->second, "Origin, Access-Control-Request-Headers");
  EXPECT_EQ(std::ranges::count(answer.fields, "Vary", &Fields::value_type::first), 1);
}

TEST(HttpAnswers, EscapeTheApplicationsMessage) {
  const auto answer = error_answer(EngineError::kForbidden, {}, "no \"entry\"");
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.body, R"({"code":4,"message":"no \"entry\""})");
}

TEST(HttpAnswers, FindCorsWhateverItsCase) {
  EXPECT_TRUE(allows_origin({{"access-CONTROL-allow-origin", "*"}}));
  EXPECT_FALSE(allows_origin({{"Vary", "Origin"}}));
  EXPECT_FALSE(allows_origin({}));
}

TEST(Reasons, HaveTheirNamesAndKnowRecovery) {
  EXPECT_EQ(to_string(DisconnectReason::kTransportError), "transport error");
  EXPECT_EQ(to_string(DisconnectReason::kForcedServerClose), "forced server close");
  EXPECT_TRUE(is_recoverable(DisconnectReason::kPingTimeout));
  EXPECT_TRUE(is_recoverable(DisconnectReason::kSlowConsumer));
  EXPECT_FALSE(is_recoverable(DisconnectReason::kParseError));
  EXPECT_FALSE(is_recoverable(DisconnectReason::kClientNamespaceDisconnect));
  EXPECT_FALSE(is_recoverable(DisconnectReason::kServerNamespaceDisconnect));
}

// What an idle WebSocket connection costs in this layer; a change here is a decision.
TEST(Sizes, OfAnIdleConnection) {
  EXPECT_LE(sizeof(SocketSession), 152U);
  EXPECT_LE(sizeof(SocketRecord), 72U);
}

}  // namespace
}  // namespace maru::endpoint
