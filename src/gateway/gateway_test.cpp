// The clients' edge as a whole, without mocks: real HTTP on loopback, two I/O threads, the SQLite
// store, the sequencer. Shapes are compared with product.md field by field.
#include "gateway/gateway.hpp"

#include <gtest/gtest.h>

#include <sodium.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "base/settled_clock.hpp"
#include "bus/local/local_bus.hpp"
#include "bus/local/local_presence.hpp"
#include "chat/command_lane.hpp"
#include "commandlog/local/local_command_log.hpp"
#include "fanout/hub.hpp"
#include "fanout/presence/presence.hpp"
#include "fanout/recovery/socket_recovery.hpp"
#include "gateway/counters.hpp"
#include "gateway/identity/hasher.hpp"
#include "gateway/identity/origin_policy.hpp"
#include "gateway/identity/session_activity.hpp"
#include "gateway/identity/session_expiry.hpp"
#include "gateway/limits/known_networks.hpp"
#include "gateway/limits/login_guard.hpp"
#include "gateway/limits/rate_limiter.hpp"
#include "gateway/limits/read_turns.hpp"
#include "gateway/limits/user_connections.hpp"
#include "gateway/pending_leaves.hpp"
#include "gateway/rest/routes.hpp"
#include "json/reader.hpp"
#include "net/test_client.hpp"
#include "storage/sqlite/reader_pool.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace maru::gateway {
namespace {

constexpr unsigned kThreads = 2;

class RandomIds final : public IdSource {
 public:
  std::array<std::uint8_t, 12> next_object_id() override {
    std::array<std::uint8_t, 12> id;
    randombytes_buf(id.data(), id.size());
    return id;
  }
};

struct TemporaryDirectory {
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "maru-gateway-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

// Everything that app/ wires, in its order.
class TestServer {
 public:
  explicit TestServer(GatewayOptions o = {})
      : options(std::move(o)),
        store(open_store(directory.path)),
        readers(std::move(*sqlite::ReaderPool::open(*store))),
        origins(options, clock),
        limiter(options, clock) {
    std::vector<fanout::DeliveryTarget> targets;
    for (unsigned i = 0; i < kThreads; ++i) {
      threads.push_back(std::make_unique<net::IoThread>(i, net::NetOptions{}, clock));
      inboxes.push_back(std::make_unique<fanout::DeliveryInbox>(
          i, interest, [thread = threads.back().get()] { thread->wake(); }));
      targets.push_back(inboxes.back()->target());
    }
    hub = std::make_unique<fanout::Hub>(targets, interest, &recovery, clock);
    bus.start(*hub);
    commands = std::make_unique<local::LocalCommandLog>(clock, ids);
    sequencer = std::make_unique<chat::CommandLane>(*commands, *store, bus, clock, ids);
    logins.emplace(options, clock, *commands);
    activity.emplace(*commands, lifetimes);
    recovery.start();
    presence.start(
        [this](std::vector<wire::WireEvent>&& events) { return hub->publish(std::move(events)); },
        *commands);
    start_threads();
  }

  ~TestServer() {
    // Whoever asks ends before whom it asks: presence asks readers, readers ask the hasher.
    for (auto& thread : threads) thread->stop();
    for (auto& inbox : inboxes) inbox->close();
    presence.stop();
    recovery.stop();
    readers.reset();
    sequencer->stop();
    gateways.clear();
  }

  GatewayOptions options;
  TemporaryDirectory directory;
  SystemClock clock;
  SettledClock lifetimes{clock};
  RandomIds ids;
  std::unique_ptr<sqlite::SqliteStore> store;
  std::unique_ptr<sqlite::ReaderPool> readers;
  local::LocalBus bus;
  fanout::InterestTable interest{kThreads, &bus};
  local::LocalPresence registry;
  fanout::Presence presence{{}, clock, registry};
  fanout::SocketRecovery recovery{{}, clock};
  std::vector<std::unique_ptr<net::IoThread>> threads;
  std::vector<std::unique_ptr<fanout::DeliveryInbox>> inboxes;
  RealtimeCores realtime_cores = RealtimeCores(kThreads);
  std::unique_ptr<fanout::Hub> hub;
  std::unique_ptr<local::LocalCommandLog> commands;
  std::unique_ptr<chat::CommandLane> sequencer;
  OriginPolicy origins;
  RateLimiter limiter;
  std::optional<LoginGuard> logins;
  std::optional<SessionActivity> activity;
  UserConnections connections{0};
  PendingLeaves pending_leaves;
  Budgets budgets;
  KnownNetworks known_networks{lifetimes};
  ReadTurns read_turns;
  Hasher hasher;
  std::vector<std::unique_ptr<Gateway>> gateways;
  std::uint16_t port = 0;

 private:
  static std::unique_ptr<sqlite::SqliteStore> open_store(const std::filesystem::path& path) {
    sqlite::StoreOptions options;
    options.data_dir = path;
    return std::move(*sqlite::SqliteStore::open(options));
  }

  void start_threads() {
    std::vector<net::IoThread*> all;
    for (auto& thread : threads) all.push_back(thread.get());
    for (unsigned i = 0; i < kThreads; ++i) {
      Context context{options,
                      *threads[i],
                      all,
                      realtime_cores,
                      clock,
                      lifetimes,
                      [](std::uint8_t* out, std::size_t size) { randombytes_buf(out, size); },
                      *commands,
                      *readers,
                      *inboxes[i],
                      interest,
                      presence,
                      recovery,
                      hasher,
                      origins,
                      limiter,
                      *logins,
                      known_networks,
                      connections,
                      pending_leaves,
                      budgets,
                      read_turns,
                      bus,
                      *activity};
      Probes probes{[] { return true; }, [this] { return metrics(); }};
      gateways.push_back(std::make_unique<Gateway>(std::move(context), endpoint::EndpointOptions{},
                                                   std::move(probes)));
      threads[i]->set_peers(all);
      threads[i]->set_handler(*gateways[i]);
      threads[i]->on_wake([this, i] { inboxes[i]->drain(); });
    }
    auto listening = net::listen_on("127.0.0.1", 0, kThreads);
    port = listening->port;
    for (unsigned i = 0; i < kThreads; ++i) {
      threads[i]->start(listening->descriptors[i], nullptr);
    }
  }

  [[nodiscard]] std::string metrics() const {
    std::vector<const Counters*> all;
    for (const auto& gateway : gateways) {
      for (const Counters* one : gateway->counters()) all.push_back(one);
    }
    const auto match = rest::match_route(net::Method::kGet, "/readyz");
    return "ready_200 " + std::to_string(Counters::sum(all).calls[match.index][0]) + '\n';
  }
};

struct HttpReply {
  int status = 0;
  std::string head;
  std::string text;
  std::shared_ptr<json::Parser> parser = std::make_shared<json::Parser>();
  json::Value body;

  [[nodiscard]] std::string string(std::string_view key) const {
    return std::string(body[key].as_string().value_or(""));
  }
  [[nodiscard]] std::string code() const { return string("code"); }
};

HttpReply send_request(std::uint16_t port, const std::string& request) {
  net::test::Client client(port);
  client.send(request);
  const bool is_head = request.starts_with("HEAD ");
  std::string answer = client.read_response(is_head);
  HttpReply reply;
  const std::size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos) return reply;
  reply.head = answer.substr(0, end + 4);
  reply.text = answer.substr(end + 4);
  reply.status = std::stoi(reply.head.substr(9, 3));
  if (auto parsed = reply.parser->parse(reply.text)) reply.body = *parsed;
  return reply;
}

std::string keys(const json::Value& object) {
  std::string out;
  object.for_each_field([&](std::string_view key, const json::Value&) {
    out += (out.empty() ? "" : ",") + std::string(key);
  });
  return out;
}

class GatewayTest : public ::testing::TestWithParam<AuthMode> {
 protected:
  static GatewayOptions make_options() {
    GatewayOptions options;
    options.auth = GetParam();
    options.rate_limits = false;
    options.version = "test";
    return options;
  }

  HttpReply call(const std::string& method, const std::string& target, const std::string& body = {},
                 const std::string& token = {}, const std::string& more = {}) {
    std::string request = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + more;
    if (!token.empty()) request += "Authorization: Bearer " + token + "\r\n";
    if (!body.empty() && more.find("Content-Type") == std::string::npos) {
      request += "Content-Type: application/json\r\n";
    }
    if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return send_request(server_.port, request + "\r\n" + body);
  }
  struct Person {
    std::string id;
    std::string token;
  };
  Person guest(const std::string& name) {
    const HttpReply reply = call("POST", "/users/login", R"({"userName":")" + name + "\"}");
    EXPECT_EQ(reply.status, 200) << reply.text;
    return {reply.string("_id"), reply.string("token")};
  }

  TestServer server_{make_options()};
};

constexpr const char* kChatKeys =
    "_id,id,chatName,number,active,isPersonal,owner,users,newMessages,deletedAt,createdAt,"
    "updatedAt,__v";
constexpr const char* kMessageKeys =
    "_id,id,chatId,chatNumber,from,fromUserName,to,toUserName,content,sequence,type,clientMsgId,"
    "system,createdAt,updatedAt,editedAt,deletedAt,__v";

TEST_P(GatewayTest, AWholeChatOverHttp) {
  const Person a = guest("민수");
  const Person b = guest("영희");
  const HttpReply chat = call("POST", "/chats",
                              R"({"chatName":"마루방","isPersonal":false,"owner":")" + a.id +
                                  R"(","users":[")" + b.id + "\"]}",
                              a.token);
  ASSERT_EQ(chat.status, 200) << chat.text;
  EXPECT_EQ(keys(chat.body), kChatKeys);
  EXPECT_EQ(chat.string("owner"), a.id);
  const std::string id = chat.string("_id");
  const HttpReply sent = call("POST", "/api/messages/" + id,
                              R"({"content":"안녕하세요","clientMsgId":"m1"})", a.token);
  ASSERT_EQ(sent.status, 201) << sent.text;
  EXPECT_EQ(keys(sent.body), kMessageKeys);
  EXPECT_EQ(sent.body["sequence"].as_integer(), 1);
  EXPECT_EQ(
      call("POST", "/api/messages/" + id, R"({"content":"안녕하세요","clientMsgId":"m1"})", a.token)
          .status,
      200);
  const HttpReply left = call("POST", "/api/chats/" + id + "/leave", "{}", b.token);
  EXPECT_EQ(left.text, R"({"left":true,"sequence":2})");
  const HttpReply history = call("GET", "/messages/" + id, {}, a.token);
  ASSERT_EQ(history.status, 200);
  ASSERT_EQ(history.body.size(), 2u);
  EXPECT_EQ(keys(history.body.at(0)), kMessageKeys);
  EXPECT_EQ(keys(history.body.at(1)), kMessageKeys);
  EXPECT_EQ(history.body.at(0)["content"].as_string(), "안녕하세요");
  EXPECT_EQ(history.body.at(1)["content"].as_string(), "퇴장");
  EXPECT_EQ(history.body.at(1)["fromUserName"].as_string(), "system");
  EXPECT_EQ(history.body.at(1)["toUserName"].as_string(), "영희");
  EXPECT_NE(history.head.find("X-Last-Sequence: 2\r\n"), std::string::npos) << history.head;
  EXPECT_NE(history.head.find("X-Has-More: false\r\n"), std::string::npos);

  const HttpReply page = call("GET", "/chats?page=1&limit=6", {}, b.token);
  EXPECT_EQ(keys(page.body), "chats,totalPages,currentPage");
  EXPECT_EQ(keys(page.body["chats"].at(0)), kChatKeys);
  EXPECT_EQ(keys(page.body["chats"].at(0)["owner"]), "_id,userName,id");
  EXPECT_EQ(keys(call("GET", "/chats/1", {}, b.token).body), "_id,users,isPersonal,chatName,id");
  EXPECT_EQ(call("GET", "/chats/group/" + a.id, {}, a.token).body.size(), 1u);
  EXPECT_EQ(call("GET", "/api/chats/mine", {}, a.token).body["chats"].size(), 1u);
  EXPECT_EQ(keys(call("GET", "/users/search?query=%E3%85%81", {}, a.token).body.at(0)),
            "_id,userName,active,id");
  EXPECT_EQ(call("POST", "/users/logout", R"({"userName":"영희"})", b.token).text,
            R"({"message":"Logout successful"})");
  EXPECT_EQ(call("GET", "/api/users/me", {}, b.token).status, 401);
}

TEST_P(GatewayTest, AOneToOneIsOneAndItsOwners) {
  const Person a = guest("민수");
  const Person b = guest("영희");
  const HttpReply first = call(
      "POST", "/chats", R"({"chatName":"x","isPersonal":true,"users":[")" + b.id + "\"]}", a.token);
  const HttpReply second = call(
      "POST", "/chats", R"({"chatName":"y","isPersonal":true,"users":[")" + a.id + "\"]}", b.token);
  EXPECT_EQ(first.string("_id"), second.string("_id"));
  const HttpReply list = call("GET", "/chats/one-to-one/" + b.id, {}, b.token);
  EXPECT_EQ(keys(list.body), "chats,totalPages,currentPage");
  EXPECT_EQ(list.body["chats"].at(0)["users"].size(), 2u);
}

TEST_P(GatewayTest, EverythingThatCrashedTheOriginalIsAClearError) {
  const Person a = guest("민수");
  struct Case {
    const char* method;
    std::string target;
    std::string body;
    int status;
  };
  const std::vector<Case> cases = {{"GET", "/messages/abc", "", 400},
                                   {"GET", "/chats/abc", "", 400},
                                   {"GET", "/chats/group/abc", "", 400},
                                   {"GET", "/chats/one-to-one/abc", "", 400},
                                   {"GET", "/users/search?query=(", "", 200},
                                   {"GET", "/users/search?query=%ff", "", 400},
                                   {"GET", "/messages/0123456789abcdef01234567", "", 404},
                                   {"POST", "/users/login", R"({"userName":{"$ne":null}})", 400},
                                   {"POST", "/users/login", "{", 400},
                                   {"POST", "/users/login", std::string(100'000, '['), 413},
                                   {"POST", "/chats", std::string(60'000, '['), 400},
                                   {"POST", "/chats", std::string(70'000, ' '), 413},
                                   {"POST", "/api/messages/abc", R"({"content":"x"})", 400},
                                   {"DELETE", "/users/login", "", 405},
                                   {"GET", "/nowhere", "", 404},
                                   {"BREW", "/users", "", 405}};
  for (const Case& test : cases) {
    const HttpReply reply = call(test.method, test.target, test.body, a.token);
    EXPECT_EQ(reply.status, test.status) << test.method << ' ' << test.target << reply.text;
    if (test.status != 200) {
      EXPECT_EQ(keys(reply.body),
                "type,title,status,code,detail,requestId,retryable,retryAfterMs,errors,error")
          << test.target;
    }
  }
  EXPECT_EQ(call("POST", "/users/login", "userName=x", {},
                 "Content-Type: application/x-www-form-urlencoded\r\n")
                .status,
            415);
  EXPECT_EQ(call("GET", "/healthz").status, 200);
}

TEST_P(GatewayTest, APageOfLongMessagesEndsAtOneMebibyteWithTheNewest) {
  const Person a = guest("민수");
  const HttpReply chat =
      call("POST", "/chats", R"({"chatName":"x","users":[],"owner":")" + a.id + "\"}", a.token);
  std::string text;
  for (int i = 0; i < 1'000; ++i) text += "가";
  for (int i = 0; i < 1'010; ++i) {
    ASSERT_EQ(call("POST", "/api/messages/" + chat.string("_id"), R"({"content":")" + text + "\"}",
                   a.token)
                  .status,
              201);
  }
  net::test::Client client(server_.port);
  client.send("GET /messages/" + chat.string("_id") +
              " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + a.token + "\r\n\r\n");
  const std::string answer = client.read_response();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200"));
  EXPECT_GT(answer.size(), 1'000'000u);
  EXPECT_LT(answer.size(), 1'060'000u);
  EXPECT_TRUE(answer.ends_with("}]"));
  EXPECT_NE(answer.find("X-Last-Sequence: 1010\r\n"), std::string::npos);
  EXPECT_NE(answer.find("X-Has-More: true\r\n"), std::string::npos);
}

TEST_P(GatewayTest, ConcurrentJoinsLeaveExactlyAHundred) {
  const Person owner = guest("주인");
  const HttpReply chat = call(
      "POST", "/chats", R"({"chatName":"x","users":[],"owner":")" + owner.id + "\"}", owner.token);
  constexpr int kWorkers = 8;
  constexpr int kEach = 25;
  std::vector<Person> people;
  for (int i = 0; i < kWorkers * kEach; ++i) people.push_back(guest("손님" + std::to_string(i)));
  std::atomic<int> joined{0};
  std::atomic<int> full{0};
  std::vector<std::thread> workers;
  for (int w = 0; w < kWorkers; ++w) {
    workers.emplace_back([&, w] {
      for (int i = 0; i < kEach; ++i) {
        const Person& person = people[static_cast<std::size_t>(w * kEach + i)];
        const HttpReply reply = call("POST", "/api/chats/" + chat.string("_id") + "/join",
                                     R"({"userId":")" + person.id + "\"}", person.token);
        if (reply.status == 201) ++joined;
        if (reply.status == 409 && reply.code() == "chat_full") ++full;
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(joined.load(), 99);
  EXPECT_EQ(full.load(), kWorkers * kEach - 99);
  EXPECT_EQ(call("GET", "/chats/1", {}, owner.token).body["users"].size(), 100u);
}

TEST_P(GatewayTest, OneClientMsgIdSentFiftyTimesIsOneMessage) {
  const Person a = guest("민수");
  const HttpReply chat =
      call("POST", "/chats", R"({"chatName":"x","users":[],"owner":")" + a.id + "\"}", a.token);
  std::atomic<int> created{0};
  std::atomic<int> repeated{0};
  std::vector<std::thread> workers;
  for (int w = 0; w < 10; ++w) {
    workers.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        const HttpReply reply = call("POST", "/api/messages/" + chat.string("_id"),
                                     R"({"content":"x","clientMsgId":"once"})", a.token);
        if (reply.status == 201) ++created;
        if (reply.status == 200 && reply.body["duplicate"].as_bool().value_or(false)) ++repeated;
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(created.load(), 1);
  EXPECT_EQ(repeated.load(), 49);
  EXPECT_EQ(call("GET", "/messages/" + chat.string("_id"), {}, a.token).body.size(), 1u);
}

TEST_P(GatewayTest, OperationsAndHead) {
  EXPECT_EQ(call("GET", "/readyz").text, R"({"status":"ready"})");
  const HttpReply head = call("HEAD", "/healthz");
  EXPECT_EQ(head.status, 200);
  EXPECT_TRUE(head.text.empty());
  EXPECT_NE(call("GET", "/metrics").text.find("ready_200 1\n"), std::string::npos);
  EXPECT_EQ(call("GET", "/metrics", {}, {}, "X-Forwarded-For: 203.0.113.9\r\n").status, 401);
  const Person a = guest("민수");
  EXPECT_EQ(call("GET", "/metrics", {}, a.token, "X-Forwarded-For: 203.0.113.9\r\n").status, 401);
  const HttpReply openapi = call("GET", "/api/openapi.json");
  EXPECT_EQ(openapi.status, 200);
  EXPECT_TRUE(openapi.text.starts_with("{\n  \"openapi\": \"3.1.0\","));
  EXPECT_TRUE(openapi.text.ends_with("}\n"));
  EXPECT_NE(call("GET", "/").text.find("<h1>Maru "), std::string::npos);
  const HttpReply upgrade =
      call("GET", "/healthz", {}, {}, "Connection: Upgrade\r\nUpgrade: h2c\r\n");
  EXPECT_EQ(upgrade.status, 200);
}

TEST_P(GatewayTest, SocketIoIsServedBesideIt) {
  const HttpReply handshake = call("GET", "/socket.io/?EIO=4&transport=polling");
  EXPECT_EQ(handshake.status, 200);
  EXPECT_TRUE(handshake.text.starts_with(R"(0{"sid":)")) << handshake.text;
  EXPECT_EQ(call("GET", "/socket.io/?EIO=4&transport=nothing").status, 400);
}

TEST_P(GatewayTest, AnswersOfSocketIoCarryTheSecurityFields) {
  const char* const kOrigins[] = {"", "Origin: https://evil.example\r\n"};
  for (const char* target :
       {"/socket.io/?EIO=4&transport=polling", "/socket.io/?EIO=4&transport=nothing"}) {
    for (const char* origin : kOrigins) {
      const HttpReply reply = call("GET", target, {}, {}, origin);
      EXPECT_NE(reply.head.find("X-Content-Type-Options: nosniff\r\n"), std::string::npos)
          << reply.head;
      EXPECT_NE(reply.head.find("Referrer-Policy: no-referrer\r\n"), std::string::npos);
      EXPECT_EQ(reply.head.find("Strict-Transport-Security"), std::string::npos) << "no TLS";
    }
  }
}

TEST_P(GatewayTest, AnHonestBurstOverTheRateIsReadLaterNotRefused) {
  const Person a = guest("민수");
  const HttpReply chat =
      call("POST", "/chats", R"({"chatName":"x","owner":")" + a.id + R"(","users":[]})", a.token);
  const std::string messages = "/api/messages/" + chat.string("_id");
  for (int i = 1; i <= 23; ++i) {  // 20 at once, then ten a second
    const HttpReply sent = call("POST", messages, R"({"content":"x"})", a.token);
    ASSERT_EQ(sent.status, 201) << sent.text;
    EXPECT_EQ(sent.body["sequence"].as_integer(), i);
  }
}

TEST_P(GatewayTest, IdleSessionsAreEnded) {
  const Person a = guest("민수");
  GatewayOptions impatient = server_.options;
  impatient.session_idle_ms = -1'000;
  SessionExpiry(*server_.commands, server_.clock, impatient).run();
  HttpReply reply;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (reply.status != 401 && std::chrono::steady_clock::now() < end) {
    reply = call("GET", "/api/users/me", {}, a.token);
  }
  EXPECT_EQ(reply.status, 401);
}

INSTANTIATE_TEST_SUITE_P(BothModes, GatewayTest,
                         ::testing::Values(AuthMode::kAccounts, AuthMode::kOpen),
                         [](const auto& mode) {
                           return mode.param == AuthMode::kAccounts ? "accounts" : "open";
                         });

}  // namespace
}  // namespace maru::gateway
