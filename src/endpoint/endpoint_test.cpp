// The contract of socket.hpp at its seam: a scripted application behind real connections.
#include "endpoint/endpoint.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <random>
#include <regex>
#include <set>

#include "endpoint/counters.hpp"
#include "endpoint/farewell.hpp"
#include "endpoint/sid.hpp"
#include "net/test_client.hpp"
#include "net/test_clock.hpp"

namespace maru::endpoint {
namespace {

using net::test::Client;
using net::test::client_frame;
using net::test::server_frame;

struct Note final : HandshakeData {
  explicit Note(std::string value) : text(std::move(value)) {}
  std::string text;
};

// Does what the test says, and writes down what it hears. On the I/O thread only.
class Script final : public Application {
 public:
  std::function<void(const ConnectRequest&, PendingConnect)> connect =
      [](const ConnectRequest&, PendingConnect pending) { pending.accept(); };
  std::function<void(Socket&, const Event&)> event = [](Socket&, const Event&) {};
  std::function<void(Socket&)> disconnect = [](Socket&) {};
  std::vector<std::string> heard;

 private:
  RequestVerdict on_request(const net::RequestHead& head, HandshakeData* data) override {
    heard.push_back("request " + std::string(head.field("x-note")) + "/" +
                    (data ? static_cast<Note*>(data)->text : "-"));
    RequestVerdict verdict;
    if (!data) verdict.data = std::make_unique<Note>(std::string(head.field("x-note")));
    return verdict;
  }
  bool has_namespace(std::string_view name) override { return name != "/none"; }
  void on_connect(const ConnectRequest& request, PendingConnect pending) override {
    heard.push_back("connect " + std::string(request.namespace_name) + " " +
                    std::string(request.auth_text));
    connect(request, pending);
  }
  void on_event(Socket& socket, const Event& e) override {
    EXPECT_FALSE(inside) << "called from within its own call";
    inside = true;
    heard.push_back("event " + std::string(e.name));
    event(socket, e);
    inside = false;
  }
  void on_disconnect(Socket& socket, DisconnectReason reason) override {
    EXPECT_FALSE(inside) << "called from within its own call";
    heard.push_back("disconnect " + std::string(to_string(reason)));
    disconnect(socket);
  }

 public:
  bool inside = false;
};

// Whether time passes by itself or by pass() alone.
enum class Time : std::uint8_t { kFlows, kStandsStill };

struct EndpointTest : ::testing::Test {
  explicit EndpointTest(EndpointOptions options = quiet(), Time time = Time::kFlows)
      : thread(0, net::NetOptions{},
               time == Time::kFlows ? static_cast<const Clock&>(clock) : stepped_clock) {
    auto listening = net::listen_on("127.0.0.1", 0, 1);
    if (!listening) throw std::runtime_error(listening.error().detail);
    port = listening->port;
    endpoint = std::make_unique<Endpoint>(thread, options, script,
                                          [this](std::uint8_t* out, std::size_t size) {
                                            auto& bytes = drawn.emplace_back(size);
                                            for (std::uint8_t& byte : bytes) byte = random();
                                            std::ranges::copy(bytes, out);
                                          });
    thread.set_peers({&thread});
    thread.set_handler(*endpoint);
    thread.start(listening->descriptors[0], nullptr);
  }
  ~EndpointTest() override { thread.stop(); }

  static EndpointOptions quiet() {
    EndpointOptions options;
    options.polling_buffer_bytes_max = 10'000;
    return options;
  }

  void on_thread(const std::function<void()>& task) {
    std::promise<void> done;
    thread.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  // Time passes, and what is due by then has been done.
  void pass(std::int64_t ms) {
    stepped_clock.advance_ms(ms);
    take_turns();
  }
  // Whole ones, in which everything is done that can be done without the other end.
  void take_turns() {
    for (int turn = 0; turn < 3; ++turn) on_thread([] {});
  }
  // Until the application has heard it that often.
  bool hears(const std::string& line, long times = 1) {
    for (int i = 0; i < 500; ++i) {
      bool enough = false;
      on_thread([&] { enough = std::ranges::count(script.heard, line) >= times; });
      if (enough) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  // A WebSocket past the handshake packet.
  Client open(std::string_view more_fields = {}) {
    Client client(port);
    client.send(net::test::upgrade_request("/socket.io/?EIO=4&transport=websocket", more_fields));
    client.read_until("\"maxPayload\":65536}");
    return client;
  }
  // … and joined to "/".
  Client join() {
    Client client = open();
    client.send(client_frame(1, "40"));
    client.read_until("\"}");
    return client;
  }
  std::string get(const std::string& query, std::string_view method = "GET",
                  std::string_view body = {}) const {
    Client client(port);
    client.send(std::string(method) + " /socket.io/?EIO=4&transport=polling" + query +
                " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
    const std::string answer = client.read_response();
    return answer.substr(answer.find("\r\n\r\n") + 4);
  }
  std::string polling_sid() const {
    const std::string open = get("");
    return "&sid=" + open.substr(open.find(':') + 2, 24);
  }

  SystemClock clock;
  net::test::SteppedClock stepped_clock;
  net::IoThread thread;
  Script script;
  std::minstd_rand random{5};
  std::vector<std::vector<std::uint8_t>> drawn;  // on the I/O thread
  std::unique_ptr<Endpoint> endpoint;
  std::uint16_t port = 0;
};

TEST_F(EndpointTest, KeepsHandshakeDataWithTheSession) {
  script.event = [](Socket& socket, const Event&) {
    socket.emit("[\"note\",\"" + static_cast<Note*>(socket.handshake_data())->text + "\"]");
  };
  Client client = open("X-Note: mine\r\n");
  client.send(client_frame(1, "40"));
  client.read_until("\"}");
  client.send(client_frame(1, R"(42["x"])"));
  EXPECT_TRUE(client.read_until(R"(["note","mine"])").ends_with(R"(42["note","mine"])"));
}

TEST_F(EndpointTest, AsksAboutEveryRequestWithTheSessionsData) {
  const std::string sid = polling_sid();
  get(sid, "POST", "40");
  get(sid);
  EXPECT_TRUE(hears("request /-"));
  EXPECT_TRUE(hears("request /", 2));
}

TEST_F(EndpointTest, AcceptsLater) {
  PendingConnect waiting;
  script.connect = [&](const ConnectRequest&, PendingConnect pending) { waiting = pending; };
  Client client = open();
  client.send(client_frame(1, R"(40{"a":1})"));
  ASSERT_TRUE(hears(R"(connect / {"a":1})"));
  on_thread([&] {
    EXPECT_TRUE(waiting.alive());
    Socket* socket = waiting.accept({.sid = "12345678901234567890",
                                     .pid = "p",
                                     .missed = {net::TextFrame::make(R"(42["missed",1])")}});
    ASSERT_TRUE(socket);
    EXPECT_EQ(socket->id(), "12345678901234567890");
    EXPECT_EQ(socket->namespace_name(), "/");
    EXPECT_TRUE(socket->is_websocket());
    EXPECT_EQ(socket->emit(R"(["first"])"), net::SendResult::kQueued);
    EXPECT_FALSE(waiting.alive());
    EXPECT_EQ(waiting.accept(), nullptr);
    waiting.refuse("too late");
  });
  const std::string expected = server_frame(1, R"(42["missed",1])") +
                               server_frame(1, R"(40{"sid":"12345678901234567890","pid":"p"})") +
                               server_frame(1, R"(42["first"])");
  EXPECT_EQ(client.read_exactly(expected.size()), expected);
}

TEST_F(EndpointTest, AnEventBeforeTheAnswerClosesAndThePendingConnectDies) {
  PendingConnect waiting;
  script.connect = [&](const ConnectRequest&, PendingConnect pending) { waiting = pending; };
  Client client = open();
  client.send(client_frame(1, "40"));
  ASSERT_TRUE(hears("connect / {}"));
  client.send(client_frame(1, R"(42["x"])"));
  EXPECT_EQ(client.read_exactly(2), server_frame(8, ""));
  on_thread([&] {
    EXPECT_FALSE(waiting.alive());
    EXPECT_EQ(waiting.accept(), nullptr);
    waiting.refuse("no");
    EXPECT_EQ(std::ranges::count(script.heard, "disconnect forced close"), 0);
  });
  EXPECT_FALSE(PendingConnect().alive());
}

TEST_F(EndpointTest, TellsOfPidAndOffsetOnlyTogether) {
  std::vector<bool> seen;
  script.connect = [&](const ConnectRequest& request, PendingConnect pending) {
    seen.push_back(request.pid.has_value() && request.offset.has_value());
    EXPECT_EQ(request.pid.has_value(), request.offset.has_value());
    pending.refuse("no");
  };
  Client client = open();
  for (const char* auth :
       {R"(40{"pid":"a","offset":"b"})", R"(40{"pid":"a"})", "40", R"(40{"pid":1,"offset":"b"})"}) {
    client.send(client_frame(1, auth));
    client.read_until("\"no\"}");
  }
  EXPECT_EQ(seen, (std::vector<bool>{true, false, false, false}));
}

TEST_F(EndpointTest, DisconnectWithinAnEventTellsAfterwards) {
  for (const auto how :
       {Disconnect::kSocketOnly, Disconnect::kWithTransport, Disconnect::kTransportOnly}) {
    script.event = [how](Socket& socket, const Event&) {
      socket.disconnect(how);
      socket.disconnect(how);
      EXPECT_EQ(socket.emit(R"(["late"])"), net::SendResult::kClosing);
    };
    Client client = join();
    client.send(client_frame(1, R"(42["x"])"));
    const std::string expected = (how == Disconnect::kTransportOnly ? "" : server_frame(1, "41")) +
                                 (how == Disconnect::kWithTransport ? server_frame(8, "") : "");
    EXPECT_EQ(client.read_exactly(expected.size()), expected);
    if (how == Disconnect::kTransportOnly) {
      EXPECT_EQ(client.read_to_end(), "");
    }
  }
  EXPECT_TRUE(hears("disconnect server namespace disconnect"));
  EXPECT_TRUE(hears("disconnect forced server close"));
  EXPECT_TRUE(hears("disconnect let go"));
}

TEST_F(EndpointTest, PausedInputIsReadLaterInOrder) {
  Socket* paused = nullptr;
  script.event = [&](Socket& socket, const Event& event) {
    if (event.name != "pause") return;
    paused = &socket;
    socket.pause_reading();
    socket.pause_reading();
  };
  for (const bool websocket : {true, false}) {
    on_thread([&] { script.heard.clear(); });
    std::optional<Client> client;
    if (websocket) {
      client.emplace(join());
      client->send(client_frame(1, R"(42["pause"])") + client_frame(1, R"(42["b"])"));
    } else {
      const std::string sid = polling_sid();
      get(sid, "POST", "40");
      client.emplace(port);
      client->send("POST /socket.io/?EIO=4&transport=polling" + sid +
                   " HTTP/1.1\r\nHost: a\r\nContent-Length: 21\r\n\r\n42[\"pause\"]\x1e"
                   "42[\"b\"]\x1e"
                   "3");
    }
    ASSERT_TRUE(hears("event pause"));
    take_turns();
    EXPECT_TRUE(client->stays_silent(0));
    on_thread([&] {
      paused->resume_reading();
      EXPECT_EQ(std::ranges::count(script.heard, "event b"), 0);
      paused->resume_reading();
    });
    EXPECT_TRUE(hears("event b"));
    if (websocket) continue;
    EXPECT_TRUE(client->read_response().ends_with("ok"));
  }
}

TEST_F(EndpointTest, ASocketThatLeavesTakesItsPausesWithIt) {
  script.event = [](Socket& socket, const Event& event) {
    if (event.name != "leave") return;
    socket.pause_reading();
    socket.disconnect(Disconnect::kSocketOnly);
  };
  Client client = join();
  client.send(client_frame(1, "40/a"));
  client.read_until("\"}");
  client.send(client_frame(1, R"(42["leave"])") + client_frame(1, R"(42/a,["b"])"));
  EXPECT_TRUE(hears("disconnect server namespace disconnect"));
  EXPECT_TRUE(hears("event b"));
}

TEST_F(EndpointTest, SendsSharedFramesToBothTransports) {
  const auto frame = net::TextFrame::make(R"(42["shared"])");
  script.event = [&](Socket& socket, const Event&) {
    EXPECT_EQ(socket.send(frame), net::SendResult::kQueued);
    socket.emit_volatile(R"(["volatile"])");
  };
  Client client = join();
  client.send(client_frame(1, R"(42["x"])"));
  const std::string expected =
      server_frame(1, R"(42["shared"])") + server_frame(1, R"(42["volatile"])");
  EXPECT_EQ(client.read_exactly(expected.size()), expected);
  const std::string sid = polling_sid();
  get(sid, "POST", "40");
  get(sid);
  get(sid, "POST", R"(42["x"])");
  EXPECT_EQ(get(sid), R"(42["shared"])");  // no GET was pending, so the volatile one is gone
}

TEST_F(EndpointTest, APollingClientThatDoesNotFetchIsASlowConsumer) {
  script.event = [&](Socket& socket, const Event&) {
    const std::string event = "[\"" + std::string(1000, 'x') + "\"]";
    net::SendResult result = net::SendResult::kQueued;
    int sent = 0;
    while (result == net::SendResult::kQueued && ++sent < 100) result = socket.emit(event);
    EXPECT_EQ(sent, 10);
    EXPECT_EQ(result, net::SendResult::kSlowConsumer);
    EXPECT_EQ(socket.emit(event), net::SendResult::kClosing);
  };
  const std::string sid = polling_sid();
  get(sid, "POST", "40");
  get(sid);
  EXPECT_EQ(get(sid, "POST", R"(42["x"])"), "ok");
  EXPECT_TRUE(hears("disconnect slow consumer"));
  EXPECT_EQ(get(sid), R"({"code":1,"message":"Session ID unknown"})");
}

struct UnhurriedEndpointTest : EndpointTest {
  UnhurriedEndpointTest() : EndpointTest(quiet(), Time::kStandsStill) {}
  std::size_t sessions() {
    std::size_t count = 0;
    on_thread([&] { count = endpoint->session_count(); });
    return count;
  }
};

// A client's auth callback may refresh its token first, which took one 12 s.
TEST_F(UnhurriedEndpointTest, AClientHasThirtySecondsToConnect) {
  Client client = open();
  const std::string sid = polling_sid();
  pass(29'900);
  client.send(client_frame(1, "40"));
  EXPECT_TRUE(client.read_until("\"}").ends_with("\"}"));
  EXPECT_EQ(get(sid, "POST", "40"), "ok");
  // They have joined: no deadline is left but the heartbeat's, which is further away.
  pass(10'000);
  EXPECT_EQ(sessions(), 2U);
  client.send(client_frame(1, R"(42["x"])"));
  EXPECT_TRUE(hears("event x"));
}

TEST_F(UnhurriedEndpointTest, AClientThatDoesNotConnectByThenMayComeAgain) {
  Client client = open();
  const std::string sid = polling_sid();
  pass(29'900);
  EXPECT_EQ(sessions(), 2U);
  pass(100);
  EXPECT_EQ(sessions(), 0U);
  // Without a close frame, which some take for a good-bye. A heartbeat came before.
  EXPECT_EQ(client.read_to_end(), server_frame(1, "2"));
  EXPECT_EQ(get(sid), "2") << "the heartbeat waited for a GET";
  EXPECT_EQ(get(sid), R"({"code":1,"message":"Session ID unknown"})");
}

TEST(Farewell, SaysGoodByeToWhomTheServerDoesNotWantBack) {
  const std::map<DisconnectReason, Farewell> expected = {
      {DisconnectReason::kTransportError, Farewell::kPendingOnly},
      {DisconnectReason::kTransportClose, Farewell::kNoop},
      {DisconnectReason::kForcedClose, Farewell::kPendingOnly},
      {DisconnectReason::kPingTimeout, Farewell::kComeBack},
      {DisconnectReason::kParseError, Farewell::kPendingOnly},
      {DisconnectReason::kServerShuttingDown, Farewell::kComeBack},
      {DisconnectReason::kForcedServerClose, Farewell::kKept},
      {DisconnectReason::kLetGo, Farewell::kComeBack},
      {DisconnectReason::kSlowConsumer, Farewell::kComeBack},
  };
  for (const auto& [reason, farewell] : expected) {
    EXPECT_EQ(farewell_of(reason), farewell) << to_string(reason);
  }
}

struct BoundedEndpointTest : EndpointTest {
  BoundedEndpointTest() : EndpointTest(bounded(), Time::kStandsStill) {}
  static EndpointOptions bounded() {
    EndpointOptions options = quiet();
    options.unjoined_sessions_max = 3;
    options.assembly_timeout_ms = 1'000;
    options.keep_attachments = false;
    return options;
  }
  [[nodiscard]] std::string handshake_status() const {
    Client client(port);
    client.send("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n");
    return client.read_response().substr(9, 3);
  }
};

TEST_F(BoundedEndpointTest, PollingSessionsThatJoinNothingAreBounded) {
  std::vector<std::string> sids;
  for (int i = 0; i < 3; ++i) sids.push_back(polling_sid());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(handshake_status(), "503");
  on_thread([&] {
    EXPECT_EQ(endpoint->session_count(), 3U);
    EXPECT_EQ(endpoint->counters().sessions_turned_away.load(), 10U);
  });
  join();  // a WebSocket is bounded as a connection
  // Whoever joins makes room, and whoever goes.
  get(sids[0], "POST", "40");
  EXPECT_EQ(handshake_status(), "200");
  EXPECT_EQ(handshake_status(), "503");
  get(sids[1], "POST", "1");
  EXPECT_EQ(handshake_status(), "200");
  EXPECT_EQ(handshake_status(), "503");
}

TEST_F(BoundedEndpointTest, AttachmentsThatNeverComeEndTheSession) {
  Client client = join();
  client.send(client_frame(1, R"(42["x"])") +
              client_frame(1, R"(451-["m",{"_placeholder":true,"num":0}])"));
  ASSERT_TRUE(hears("event x"));
  pass(900);
  EXPECT_TRUE(client.stays_silent(0));
  pass(100);
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_TRUE(hears("disconnect let go"));
}

TEST_F(BoundedEndpointTest, AttachmentsThatNobodyWantsAreNotHandedOut) {
  std::size_t attachments = 99;
  script.event = [&](Socket&, const Event& event) {
    if (event.name != "m") return;
    EXPECT_TRUE(event.binary);
    attachments = event.attachments.size();
  };
  Client client = join();
  client.send(client_frame(1, R"(451-["m",{"_placeholder":true,"num":0}])") +
              client_frame(2, std::string(60'000, 'x')));
  ASSERT_TRUE(hears("event m"));
  on_thread([&] { EXPECT_EQ(attachments, 0U); });
  pass(2'000);
  EXPECT_TRUE(client.stays_silent(0)) << "its deadline is over";
  client.send(client_frame(1, R"(42["x"])"));
  EXPECT_TRUE(hears("event x"));
}

TEST_F(EndpointTest, WhatAClientMaySayAtOnceGrowsWhenItHasJoined) {
  {
    Client early = open();
    early.send(client_frame(1, "40" + std::string(8191, ' ')));
    EXPECT_EQ(early.read_exactly(4), server_frame(8, "\x03\xF1"));
  }
  Client client = join();
  client.send(client_frame(1, R"(42["a",")" + std::string(60'000, 'x') + "\"]"));
  EXPECT_TRUE(hears("event a"));
  // The same over an upgrade that is complete before the first namespace.
  const std::string sid = polling_sid();
  Client probe(port);
  probe.send(net::test::upgrade_request("/socket.io/?EIO=4&transport=websocket" + sid) +
             client_frame(1, "2probe") + client_frame(1, "5") + client_frame(1, "40"));
  probe.read_until("\"}");
  probe.send(client_frame(1, R"(42["b",")" + std::string(60'000, 'x') + "\"]"));
  EXPECT_TRUE(hears("event b"));
  const std::string other = polling_sid();
  Client waiting(port);
  waiting.send(net::test::upgrade_request("/socket.io/?EIO=4&transport=websocket" + other) +
               client_frame(1, "2probe") + client_frame(1, std::string(8193, '4')));
  EXPECT_TRUE(waiting.read_to_end().ends_with(server_frame(8, "\x03\xF1")));
}

// CVE-2017-16031: a sid is what the source of random bytes gave (libsodium's in the program), and
// nothing else but the number of its thread.
TEST_F(EndpointTest, ASidIsSixteenRandomBytes) {
  on_thread([&] { drawn.clear(); });
  const std::string text = polling_sid().substr(5);
  const auto sid = parse_sid(text);
  ASSERT_TRUE(sid);
  EXPECT_EQ(sid->thread, 0);
  on_thread([&] {
    const auto same = [&](const std::vector<std::uint8_t>& bytes) {
      return std::ranges::equal(bytes, sid->secret);
    };
    EXPECT_EQ(std::ranges::count_if(drawn, same), 1);
  });
}

struct ManySessionsTest : EndpointTest {
  ManySessionsTest() : EndpointTest(many()) {}
  static EndpointOptions many() {
    EndpointOptions options;
    options.unjoined_sessions_max = 0;
    options.connect_timeout_ms = 100;
    return options;
  }
};

TEST_F(ManySessionsTest, AHundredThousandSidsDiffer) {
  constexpr std::size_t kHandshakes = 100'000;
  constexpr std::size_t kAtOnce = 100;
  std::string requests;
  for (std::size_t i = 0; i < kAtOnce; ++i) {
    requests += "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n";
  }
  Client client(port);
  std::set<std::string> sids;
  for (std::size_t done = 0; done < kHandshakes; done += kAtOnce) {
    client.send(requests);
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      const std::string answer = client.read_response();
      sids.insert(answer.substr(answer.find(R"("sid":")") + 7, kSidSize));
    }
  }
  EXPECT_EQ(sids.size(), kHandshakes);
}

TEST_F(EndpointTest, CloseAllTellsEverySocketBeforeItReturns) {
  Client client = join();
  const std::string sid = polling_sid();
  get(sid, "POST", "40");
  ASSERT_TRUE(hears("connect / {}", 2));
  on_thread([&] {
    EXPECT_EQ(endpoint->session_count(), 2U);
    endpoint->close_all();
    EXPECT_EQ(endpoint->session_count(), 0U);
    EXPECT_EQ(std::ranges::count(script.heard, "disconnect server shutting down"), 2);
  });
  EXPECT_EQ(client.read_to_end(), "") << "no close frame: the client comes back";
  EXPECT_EQ(get(""), "");  // 503
  EXPECT_EQ(endpoint->counters().sessions_open.load(), 0U);
  EXPECT_EQ(endpoint->counters().sockets_open.load(), 0U);
}

// An application that closes other sockets of the same session while one is told of its end.
TEST_F(EndpointTest, SurvivesAnApplicationThatDisconnectsWithinOnDisconnect) {
  std::vector<Socket*> sockets;
  script.connect = [&](const ConnectRequest&, PendingConnect pending) {
    sockets.push_back(pending.accept());
  };
  script.disconnect = [&](Socket& gone) {
    std::erase(sockets, &gone);
    for (Socket* socket : sockets) socket->disconnect(Disconnect::kSocketOnly);
  };
  Client client = open();
  client.send(client_frame(1, "40") + client_frame(1, "40/a") + client_frame(1, "40/b"));
  ASSERT_TRUE(hears("connect /b {}"));
  client.send(client_frame(1, "41/a"));
  EXPECT_TRUE(hears("disconnect client namespace disconnect"));
  EXPECT_TRUE(hears("disconnect server namespace disconnect", 2));
  client.reset();
}

TEST_F(EndpointTest, RandomHistoriesEndEverySocketOnce) {
  std::map<Socket*, int> alive;
  script.connect = [&](const ConnectRequest&, PendingConnect pending) {
    if (Socket* socket = pending.accept()) ++alive[socket];
  };
  script.disconnect = [&](Socket& socket) {
    EXPECT_EQ(alive[&socket], 1);
    alive.erase(&socket);
  };
  script.event = [&](Socket& socket, const Event& event) {
    if (event.name == "a") socket.disconnect(Disconnect::kSocketOnly);
    if (event.name == "b") socket.disconnect(Disconnect::kWithTransport);
    if (event.name == "c") socket.pause_reading();
    if (event.name == "d") socket.emit(std::string(R"(["d"])"));
  };
  static constexpr const char* kPackets[] = {
      "40",         "40/a",          "41", "41/a", R"(42["a"])", R"(42["b"])",   R"(42["c"])",
      R"(42["d"])", R"(42/a,["d"])", "3",  "1",    "x",          R"(451-["e"])", "bAQID",
      "6",          R"(42["d"])"};
  std::minstd_rand dice(11);
  for (int round = 0; round < 300; ++round) {
    std::string payload = "40";
    for (unsigned i = dice() % 8; i > 0; --i) {
      payload += '\x1e';
      payload += kPackets[dice() % std::size(kPackets)];
    }
    const std::string sid = polling_sid();
    Client poller(port);
    if (dice() % 2 == 0) {
      poller.send("GET /socket.io/?EIO=4&transport=polling" + sid + " HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    Client poster(port);
    poster.send("POST /socket.io/?EIO=4&transport=polling" + sid +
                " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(payload.size()) +
                "\r\n\r\n" + payload);
    if (dice() % 3 == 0) {
      Client probe(port);
      probe.send(net::test::upgrade_request("/socket.io/?EIO=4&transport=websocket" + sid) +
                 client_frame(1, "2probe") + client_frame(1, "5") +
                 client_frame(1, kPackets[dice() % std::size(kPackets)]));
      if (dice() % 2 == 0) probe.reset();
    }
    if (dice() % 2 == 0) poster.reset();
  }
  on_thread([&] {
    endpoint->close_all();
    EXPECT_TRUE(alive.empty());
    EXPECT_EQ(endpoint->session_count(), 0U);
    EXPECT_EQ(endpoint->counters().sockets_open.load(), 0U);
  });
}

}  // namespace
}  // namespace maru::endpoint
