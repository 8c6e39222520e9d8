// Each allocation of an I/O thread fails once, while a client asks, is sent much, upgrades and
// goes: every client gets an answer or the end of its connection, and the thread goes on.
#include "base/memory.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "base/testing/failing_allocations.hpp"
#include "net/test_client.hpp"
#include "net/test_server.hpp"

namespace maru::net {
namespace {

using maru::testing::FailingAllocation;
using test::Client;
using test::client_frame;
using test::Server;
using test::upgrade_request;

constexpr std::size_t kConnectionsMax = 8;

NetOptions few_connections() {
  NetOptions options;
  options.connections_max = kConnectionsMax;
  return options;
}

class Thread {
 public:
  Thread() : server_(few_connections()) { memory::prepare(); }

  [[nodiscard]] std::uint16_t port() const { return server_.port(); }

  // Neither needs memory on the thread. From the turn after the first on, its `nth` one fails.
  void arm(std::size_t nth) {
    run([this, nth] { failing_.emplace(nth); });
  }
  bool disarm() {
    bool happened = false;
    run([&] {
      happened = FailingAllocation::happened();
      failing_.reset();
    });
    return happened;
  }
  bool closes_all() {
    for (int i = 0; i < 500; ++i) {
      if (server_.thread().counters().connections_open.load() == 0) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

 private:
  template <class Body>
  void run(Body body) {
    std::atomic<bool> done{false};
    server_.thread().post([&] {
      body();
      done.store(true);
      done.notify_one();
    });
    done.wait(false);
  }

  Server server_;
  std::optional<FailingAllocation> failing_;
};

// An answer, or the end. False: neither came.
bool is_served(Client& client) {
  return !client.read_response().empty() || client.ends(0);
}

void use(std::uint16_t port) {
  Client http(port);
  http.send("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(is_served(http));
  http.send("POST /big/300000 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_TRUE(is_served(http));
  http.send("POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_TRUE(is_served(http));
  Client websocket(port);
  websocket.send(upgrade_request("/ws"));
  EXPECT_FALSE(websocket.read_until("\r\n\r\n").empty() && !websocket.ends(0));
  websocket.send(client_frame(1, "hello"));
  EXPECT_FALSE(websocket.read_exactly(7).empty() && !websocket.ends(0));
  websocket.send(client_frame(1, "flood"));
  EXPECT_FALSE(websocket.read_exactly(10'000).empty() && !websocket.ends(0));
}

// What finds no memory at the nth allocation ends one connection and nothing else. False: there
// are fewer.
bool survives(Thread& thread, std::size_t nth) {
  memory::recover();
  thread.arm(nth);
  use(thread.port());
  const bool failed = thread.disarm();
  memory::recover();
  EXPECT_TRUE(thread.closes_all());
  Client next(thread.port());
  next.send("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(next.read_response().starts_with("HTTP/1.1 200"));
  return failed;
}

// Places and exchanges that were not given back would be used up.
TEST(NetMemory, OneThreadSurvivesEachAllocationInTurn) {
  Thread thread;
  std::size_t nth = 1;
  while (survives(thread, nth++)) {
    ASSERT_FALSE(::testing::Test::HasFailure()) << "allocation " << nth - 1;
    ASSERT_LT(nth, 2'000u);
  }
  EXPECT_GT(nth, kConnectionsMax * 2);
  EXPECT_GT(memory::failures(), 0u);
}

// On a thread that has grown no list yet.
TEST(NetMemory, AFreshThreadSurvivesEachAllocation) {
  std::size_t nth = 1;
  bool failed = true;
  while (failed) {
    Thread thread;
    failed = survives(thread, nth++);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "allocation " << nth - 1;
    ASSERT_LT(nth, 2'000u);
  }
  EXPECT_GT(nth, kConnectionsMax * 2);
}

}  // namespace
}  // namespace maru::net
