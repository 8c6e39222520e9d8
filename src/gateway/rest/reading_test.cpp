// How reads are let in, and what becomes of calls that waited: lanes, turns, weights, ended
// sessions, clients that have gone, calls that a stop drops.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <mutex>
#include <thread>

#include "gateway/rest/routes.hpp"
#include "gateway/testing/rest_harness.hpp"

namespace maru::gateway::testing {
namespace {

using chat::Lane;
using net::Method;
using Query = chat::QueryPool::Query;

constexpr const char* kSomeId = "0123456789abcdef01234567";

std::string path_of(const rest::Route& route, const std::string& user, const std::string& chat) {
  std::string path = "/api" + std::string(route.path);
  const auto put = [&](std::string_view name, const std::string& value) {
    if (const auto at = path.find(name); at != std::string::npos) {
      path.replace(at, name.size(), value);
    }
  };
  put(":userId", user);
  put(":chat", chat);
  put(":number", "1");
  put(":id", kSomeId);
  if (route.path == "/users/search") path += "?query=a";
  return path;
}

// Whoever reads much does so in the bulk lane, and nothing but the table says which calls those
// are.
TEST(Reading, EveryCallReadsInTheLaneOfItsRoute) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  const std::string chat = harness.group(person);
  int bulk_routes = 0;
  for (const Operation& operation : operations()) {
    if (!operation.is_call()) continue;
    const rest::Route& route = operation.call;
    if (route.method != Method::kGet || route.mount == rest::Mount::kRootOnly) continue;
    harness.lanes.clear();
    const Reply reply = harness.get(path_of(route, person.id, chat), person.token);
    EXPECT_TRUE(reply.status == 200 || reply.status == 401) << route.path << ' ' << reply.status;
    const bool in_bulk = std::ranges::find(harness.lanes, Lane::kBulk) != harness.lanes.end();
    EXPECT_EQ(in_bulk, route.lane == Lane::kBulk) << route.path;
    if (!in_bulk) continue;
    ++bulk_routes;
    // Who asks is found out in the urgent lane, so that nobody's token waits behind others' reads.
    EXPECT_EQ(harness.lanes.front(), Lane::kUrgent) << route.path;
  }
  EXPECT_EQ(bulk_routes, 7);
}

// The last answer gives its room back on the thread that made it, soon after it was heard.
SharedBudget::Lease take_all(SharedBudget& room) {
  SharedBudget::Lease taken;
  for (int i = 0; i < 5'000 && !taken; ++i) {
    if (i > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    taken = room.try_take(1, room.total().max());
  }
  return taken;
}

// Every answer that is as long as its rows are many has room reserved, or waits, or is refused.
TEST(Reading, EveryBulkReadNeedsRoomForItsAnswer) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  const std::string chat = harness.group(person);
  SharedBudget& room = harness.budgets().answer_bytes;
  for (const Operation& operation : operations()) {
    if (!operation.is_call()) continue;
    const rest::Route& route = operation.call;
    if (route.method != Method::kGet || route.mount == rest::Mount::kRootOnly) continue;
    const std::string path = path_of(route, person.id, chat);
    const int before = harness.get(path, person.token).status;
    auto taken = take_all(room);
    ASSERT_TRUE(taken) << route.path << ": who was answered holds nothing any more";
    const Reply reply = harness.get(path, person.token);
    if (route.lane != Lane::kBulk) {
      EXPECT_EQ(reply.status, before) << route.path;
      continue;
    }
    EXPECT_EQ(reply.status, 503) << route.path;
    EXPECT_EQ(reply.code(), "overloaded") << route.path;
    // One that waits goes on once there is room.
    harness.while_delayed = [&] { taken = {}; };
    EXPECT_EQ(harness.get(path, person.token).status, 200) << route.path;
    harness.while_delayed = {};
  }
}

// Of five reads at once: ten times a hundred rows are more.
struct FewReads : RestHarness {
  FewReads() : RestHarness(few()) {}
  static GatewayOptions few() {
    GatewayOptions options;
    options.reads_per_user = 1;
    options.reads_per_user_burst = 5;
    return options;
  }
  bool is_put_off(const std::string& path, const std::string& token) {
    delays_ms.clear();
    return get(path, token).status == 429 || !delays_ms.empty();
  }
};

TEST(Reading, OneThatWaitedForRoomPaysForItsRowsToo) {
  FewReads harness;
  const auto person = harness.guest("민수");
  auto taken = take_all(harness.budgets().answer_bytes);
  harness.while_delayed = [&] {
    taken = {};
    harness.rows_read = 1'000;
  };
  EXPECT_EQ(harness.get("/api/chats/mine", person.token).status, 200);
  harness.while_delayed = {};
  EXPECT_TRUE(harness.is_put_off("/api/chats/mine", person.token));
}

// Whether two share a chat is many rows to look at, where both have many.
TEST(Reading, AProfileOfAnotherPaysForItsRows) {
  FewReads harness;
  const auto person = harness.guest("민수");
  const std::string other = "/api/users/" + harness.guest("영희").id;
  EXPECT_FALSE(harness.is_put_off(other, person.token));
  EXPECT_FALSE(harness.is_put_off(other, person.token));
  harness.rows_read = 1'000;
  EXPECT_FALSE(harness.is_put_off(other, person.token));
  EXPECT_TRUE(harness.is_put_off(other, person.token));
}

// Keeps bulk queries from running until they are let go.
struct HeldBulk {
  explicit HeldBulk(RestHarness& harness) : harness_(harness) {
    harness.on_query = [this](Query& query) {
      if (harness_.lanes.back() != Lane::kBulk) return false;
      std::lock_guard lock(mutex_);
      held.push_back(std::move(query));
      return true;
    };
  }
  ~HeldBulk() { harness_.on_query = {}; }
  void let_one_go() {
    std::unique_lock lock(mutex_);
    Query query = std::move(held.front());
    held.erase(held.begin());
    lock.unlock();
    harness_.run(query);
  }
  // What comes by way of another thread (who is online) may come later.
  void let_go_until(const std::future<Reply>& answered) {
    while (answered.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
      if (holds_any()) let_one_go();
    }
  }
  std::vector<Query> held;

 private:
  bool holds_any() {
    std::lock_guard lock(mutex_);
    return !held.empty();
  }

  RestHarness& harness_;
  std::mutex mutex_;  // held, where another thread asks
};

bool is_ready(const std::future<Reply>& reply) {
  return reply.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

TEST(Reading, OneOfAReaderRunsAFewWaitAndTheRestIsRefused) {
  GatewayOptions options;
  options.reads_waiting_per_user = 3;
  RestHarness harness(options);
  const auto greedy = harness.guest("민수");
  const auto other = harness.guest("영희");
  HeldBulk bulk(harness);
  std::vector<std::future<Reply>> mine;
  for (int i = 0; i < 4; ++i) {
    mine.push_back(harness.start(Method::kGet, "/api/chats/mine", {}, {.token = greedy.token}));
  }
  EXPECT_EQ(bulk.held.size(), 1u);
  const Reply refused = harness.get("/api/chats/mine", greedy.token);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.code(), "rate_limited");
  EXPECT_EQ(refused.field("Retry-After"), "1");
  // What is urgent is answered meanwhile, and another's read is next but one, not last.
  EXPECT_EQ(harness.get("/api/users/me", greedy.token).status, 200);
  auto others = harness.start(Method::kGet, "/api/chats", {}, {.token = other.token});
  ASSERT_EQ(bulk.held.size(), 2u);
  bulk.let_one_go();
  bulk.let_one_go();
  EXPECT_TRUE(is_ready(others));
  while (!bulk.held.empty()) bulk.let_one_go();
  for (auto& one : mine) EXPECT_EQ(one.get().status, 200);
}

// In open mode nobody is known by the name that a request gives: else one address would be as many
// readers as it knows names.
TEST(Reading, WhoIsOnlyNamedSharesTheTurnOfTheAddress) {
  GatewayOptions options;
  options.auth = AuthMode::kOpen;
  options.reads_waiting_per_ip = 1;
  RestHarness harness(options);
  const auto a = harness.guest("민수");
  const auto b = harness.guest("영희");
  HeldBulk bulk(harness);
  auto first = harness.start(Method::kGet, "/chats/group/" + a.id);
  auto second = harness.start(Method::kGet, "/chats/group/" + b.id);
  EXPECT_EQ(bulk.held.size(), 1u);
  EXPECT_EQ(harness.get("/chats").status, 429);
  auto elsewhere = harness.start(Method::kGet, "/chats", {}, {.peer = "198.51.100.7"});
  EXPECT_EQ(bulk.held.size(), 2u);
  while (!bulk.held.empty()) bulk.let_one_go();
  EXPECT_EQ(first.get().status, 200);
  EXPECT_EQ(second.get().status, 200);
  EXPECT_EQ(elsewhere.get().status, 200);
}

TEST(Reading, WithoutLimitsAllMayWaitButStillOneByOne) {
  GatewayOptions options;
  options.rate_limits = false;
  RestHarness harness(options);
  const auto person = harness.guest("민수");
  HeldBulk bulk(harness);
  std::vector<std::future<Reply>> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(harness.start(Method::kGet, "/api/chats/mine", {}, {.token = person.token}));
  }
  EXPECT_EQ(bulk.held.size(), 1u);
  while (!bulk.held.empty()) bulk.let_one_go();
  for (auto& one : all) EXPECT_EQ(one.get().status, 200);
}

// A read weighs what it looked at, so that large ones are fewer.
TEST(Reading, WeighsByTheRow) {
  GatewayOptions options;
  options.reads_per_user = 1;
  options.reads_per_user_burst = 50;
  options.rate_delay_max_ms = 0;
  RestHarness harness(options);
  const auto person = harness.guest("민수");
  const auto count = [&](std::uint64_t rows) {
    harness.rows_read = rows;
    int served = 0;
    while (served < 100 && harness.get("/api/chats", person.token).status == 200) ++served;
    harness.core.clock.advance_ms(1'000'000);
    return served;
  };
  EXPECT_EQ(count(0), 50);
  EXPECT_EQ(count(900), 6);  // ten each; what is owed may wait no longer than requests do
  EXPECT_EQ(count(1'000'000), 2);
}

// A session that ended while its request waited is nobody.
class EndedMeanwhile : public ::testing::Test {
 protected:
  static GatewayOptions slow() {
    GatewayOptions options;
    options.joins_per_user = options.reads_per_user = options.history_per_user = 1;
    options.messages_per_user = 1;
    options.joins_per_user_burst = 2;
    options.reads_per_user_burst = options.history_per_user_burst = 1;
    options.messages_per_user_burst = 1;
    return options;
  }
  // The status of a call that waits for its rate while the session ends.
  int ended_while_delayed(Method method, const std::string& path, const std::string& body = {}) {
    bool waited = false;
    harness_.while_delayed = [&] {
      waited = true;
      harness_.while_delayed = {};
      EXPECT_EQ(harness_.post("/api/users/logout", "", person_.token).status, 200);
    };
    int status = 0;
    for (int i = 0; i < 5 && !waited; ++i) {
      status = harness_.request(method, path, body, {.token = person_.token}).status;
    }
    EXPECT_TRUE(waited);
    return status;
  }
  RestHarness harness_{slow()};
  RestHarness::Person person_ = harness_.guest("민수");
  RestHarness::Person other_ = harness_.guest("영희");
  std::string group_ = harness_.group(other_);
};

TEST_F(EndedMeanwhile, AMessageIsNotStored) {
  const std::string chat = harness_.group(person_);
  const auto stored = [&] {
    return std::ranges::count_if(
        harness_.core.store.records(*ChatId::parse(chat)),
        [](const chat::RecordPtr& record) { return chat::text_of(*record) != nullptr; });
  };
  EXPECT_EQ(ended_while_delayed(Method::kPost, "/api/messages/" + chat, R"({"content":"1"})"), 401);
  EXPECT_EQ(stored(), 1);  // what came before
}
TEST_F(EndedMeanwhile, AJoinIsRefused) {
  EXPECT_EQ(ended_while_delayed(Method::kPost, "/api/chats/" + group_ + "/join"), 401);
}
TEST_F(EndedMeanwhile, AChatIsNotMade) {
  EXPECT_EQ(ended_while_delayed(Method::kPost, "/api/chats",
                                R"({"chatName":"방","isPersonal":false,"users":[]})"),
            401);
}
TEST_F(EndedMeanwhile, HistoryIsNotShown) {
  EXPECT_EQ(ended_while_delayed(Method::kGet, "/api/messages/" + group_), 401);
}
TEST_F(EndedMeanwhile, ListsAreNotShown) {
  EXPECT_EQ(ended_while_delayed(Method::kGet, "/api/chats/mine"), 401);
}

TEST(Reading, WhoLoggedOutWhileWaitingForTheirTurnIsNobody) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  const auto other = harness.guest("영희");
  const std::string chat = harness.personal(person, other);
  for (const std::string& path :
       {"/api/messages/" + chat, std::string("/api/chats/mine"), std::string("/api/users"),
        std::string("/api/users/search?query=a"), "/api/chats/group/" + person.id,
        "/api/chats/one-to-one/" + person.id, std::string("/api/chats")}) {
    const auto again = harness.guest("손님" + std::to_string(path.size()));
    std::string own = path;
    if (const auto at = own.find(person.id); at != std::string::npos) {
      own.replace(at, person.id.size(), again.id);
    }
    HeldBulk bulk(harness);
    auto first = harness.start(Method::kGet, own, {}, {.token = again.token});
    auto second = harness.start(Method::kGet, own, {}, {.token = again.token});
    EXPECT_EQ(harness.post("/api/users/logout", "", again.token).status, 200);
    bulk.let_go_until(first);
    bulk.let_go_until(second);
    EXPECT_EQ(first.get().status, 401) << path;
    EXPECT_EQ(second.get().status, 401) << path;
  }
}

// A client that has gone: nothing is read for it, and the turn is the next one's.
TEST(Reading, NothingIsReadForWhoHasGone) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  HeldBulk bulk(harness);
  harness.gone = std::make_shared<std::atomic<bool>>(false);
  const auto gone = harness.gone;
  auto first = harness.start(Method::kGet, "/api/chats/mine", {}, {.token = person.token});
  harness.gone = nullptr;
  auto second = harness.start(Method::kGet, "/api/chats/mine", {}, {.token = person.token});
  gone->store(true);
  ASSERT_EQ(bulk.held.size(), 1u);
  bulk.let_one_go();
  EXPECT_THROW(first.get(), std::future_error);  // nobody was answered
  ASSERT_EQ(bulk.held.size(), 1u);
  while (!bulk.held.empty()) bulk.let_one_go();
  EXPECT_EQ(second.get().status, 200);
}

// Whatever holds a call and ends without an answer.
TEST(Reading, ADroppedCallIsAnswered503) {
  RestHarness harness;
  const auto person = harness.guest("민수");
  HeldBulk bulk(harness);
  std::vector<std::future<Reply>> calls;
  for (int i = 0; i < 3; ++i) {
    calls.push_back(harness.start(Method::kGet, "/api/chats/mine", {}, {.token = person.token}));
  }
  harness.close_turns();
  for (int i = 1; i < 3; ++i) {
    const Reply reply = calls[static_cast<std::size_t>(i)].get();
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.code(), "unavailable");
    EXPECT_EQ(reply.field("Retry-After"), "1");
    EXPECT_EQ(reply.type, "application/problem+json");
  }
  bulk.held.clear();
  EXPECT_EQ(calls[0].get().status, 503);
  EXPECT_EQ(harness.get("/api/chats/mine", person.token).status, 503);
}

TEST(Reading, ADelayedCallThatIsDroppedIsAnswered503) {
  GatewayOptions options;
  options.messages_per_user = 1;
  options.messages_per_user_burst = 1;
  RestHarness harness(options);
  const auto person = harness.guest("민수");
  const std::string chat = harness.group(person);
  harness.drops_delayed = true;
  EXPECT_EQ(harness.post("/api/messages/" + chat, R"({"content":"1"})", person.token).status, 201);
  EXPECT_EQ(harness.post("/api/messages/" + chat, R"({"content":"2"})", person.token).status, 503);
}

TEST(Reading, TheGroupListHasTheNewestTwoHundred) {
  GatewayOptions options;
  options.rate_limits = false;
  RestHarness harness(options);
  const auto person = harness.guest("민수");
  for (int i = 0; i < 200; ++i) harness.group(person, "방" + std::to_string(i));
  // Too long for the parser of requests.
  const auto count = [](std::string_view text) {
    std::size_t found = 0;
    for (auto at = text.find("\"chatName\":"); at != std::string_view::npos;
         at = text.find("\"chatName\":", at + 1)) {
      ++found;
    }
    return found;
  };
  Reply list = harness.get("/api/chats/group/" + person.id, person.token);
  EXPECT_EQ(count(list.text), 200u);
  EXPECT_EQ(list.field("X-Has-More"), "false");
  harness.group(person, "마지막");
  list = harness.get("/api/chats/group/" + person.id, person.token);
  EXPECT_EQ(count(list.text), 200u);
  EXPECT_EQ(list.field("X-Has-More"), "true");
  EXPECT_LT(list.text.find("마지막"), list.text.find("방199"));
  EXPECT_EQ(list.text.find("\"방0\""), std::string::npos);
}

}  // namespace
}  // namespace maru::gateway::testing
