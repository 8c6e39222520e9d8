// The REST side without sockets or a disk: requests in, responses out, over chat's core on its fake
// store. Queries and commands run at once on whichever thread asks, one at a time. Tests only.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/settled_clock.hpp"
#include "bus/local/local_presence.hpp"
#include "chat/testing/core_harness.hpp"
#include "chat/testing/quiet_bus.hpp"
#include "fanout/delivery_inbox.hpp"
#include "fanout/interest_table.hpp"
#include "fanout/presence/presence.hpp"
#include "fanout/recovery/socket_recovery.hpp"
#include "gateway/identity/hasher.hpp"
#include "gateway/identity/origin_policy.hpp"
#include "gateway/identity/session_activity.hpp"
#include "gateway/limits/known_networks.hpp"
#include "gateway/limits/login_guard.hpp"
#include "gateway/limits/rate_limiter.hpp"
#include "gateway/limits/read_turns.hpp"
#include "gateway/limits/user_connections.hpp"
#include "gateway/pending_leaves.hpp"
#include "gateway/rest/router.hpp"
#include "gateway/testing/fake_snapshot.hpp"
#include "gateway/testing/request_head.hpp"
#include "json/reader.hpp"
#include "net/io_thread.hpp"

namespace maru::gateway::testing {

inline constexpr std::string_view kMetricsToken = "a token for the metrics";

// A response with its body parsed.
struct Reply {
  int status = 0;
  std::string type;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string text;
  std::shared_ptr<json::Parser> parser = std::make_shared<json::Parser>();
  json::Value body;

  [[nodiscard]] std::string field(std::string_view name) const;  // as it was set; empty: absent
  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] std::string code() const;  // of a problem
  [[nodiscard]] std::string string(std::string_view key) const;
  // The keys of an object in their order, joined by ','.
  static std::string keys(const json::Value& object);
};

struct RequestOptions {
  std::string token;  // bearer
  std::string origin;
  std::string type = "application/json";
  std::vector<std::pair<std::string, std::string>> fields;
  bool from_loopback = true;
  bool has_forwarding_header = false;
  bool secure = false;
  std::string peer = "192.0.2.1";
  std::string host = "127.0.0.1:5001";
};

class RestHarness {
 public:
  explicit RestHarness(GatewayOptions options = {});
  ~RestHarness();

  Reply request(net::Method method, std::string target, std::string body = {},
                RequestOptions options = {});
  // The same without waiting, for requests that are to be under way at once.
  std::future<Reply> start(net::Method method, std::string target, std::string body = {},
                           RequestOptions options = {});
  Reply get(std::string target, std::string token = {});
  Reply post(std::string target, std::string body, std::string token = {});

  // Steps that must succeed; a failed one throws.
  struct Person {
    std::string id;
    std::string token;
    std::string name;
  };
  Person guest(const std::string& name);
  Person account(const std::string& name, const std::string& password = "korrekt-pferd-batterie");
  std::string group(const Person& owner, const std::string& name = "마루방",
                    const std::vector<std::string>& users = {});
  std::string personal(const Person& a, const Person& b);

  GatewayOptions options;
  chat::testing::CoreHarness core;
  SystemClock system_clock;
  SettledClock lifetimes_{core.clock};
  bool queries_full = false;
  bool commands_full = false;
  std::vector<chat::Lane> lanes;        // of the queries, in the order in which they came
  std::function<void()> while_delayed;  // what happens while a request waits for its rate
  std::move_only_function<bool(chat::QueryPool::Query&)> on_query;  // true: it took the query
  std::shared_ptr<std::atomic<bool>> gone;  // of the clients of the next requests; null: none go
  std::vector<chat::TouchActivity> touches;
  std::vector<std::int64_t> delays_ms;  // of requests that were put off; they go on at once here
  bool drops_delayed = false;           // they do not: a stop dropped them
  std::uint64_t rows_read = 0;          // what every query looked at, for its weight
  void run(chat::QueryPool::Query& query);  // one that on_query took
  void close_turns() { read_turns_.close(); }
  Hasher& hasher() { return hasher_; }
  Budgets& budgets() { return budgets_; }
  KnownNetworks& known_networks() { return known_networks_; }

 private:
  class Queries final : public chat::QueryPool {
   public:
    explicit Queries(RestHarness& harness) : harness_(harness) {}
    bool post(chat::Lane lane, Query&& query) override;

   private:
    RestHarness& harness_;
  };
  class Commands final : public chat::CommandLog {
   public:
    explicit Commands(RestHarness& harness) : harness_(harness) {}
    bool submit(chat::Command&& command) override;

   private:
    RestHarness& harness_;
  };

  // One thread at a time plays the I/O thread, a reader or the sequencer.
  class Turn {
   public:
    explicit Turn(RestHarness& harness) : harness_(harness), lock_(harness.one_at_a_time_) {
      if (harness_.turns_++ == 0) harness_.has_turn_ = std::this_thread::get_id();
    }
    ~Turn() {
      if (--harness_.turns_ == 0) harness_.has_turn_ = std::thread::id();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    RestHarness& harness_;
    std::lock_guard<std::recursive_mutex> lock_;
  };

  std::recursive_mutex one_at_a_time_;
  int turns_ = 0;
  std::atomic<std::thread::id> has_turn_{};
  Queries queries_{*this};
  Commands commands_{*this};
  net::IoThread thread_;
  chat::testing::QuietBus bus_;
  fanout::InterestTable interest_{1, &bus_};
  fanout::DeliveryInbox inbox_{0, interest_, [] {}};
  RealtimeCores realtime_cores_{nullptr};
  UserConnections connections_{0};
  PendingLeaves pending_leaves_;
  Budgets budgets_;
  ReadTurns read_turns_;
  SessionActivity activity_{commands_, lifetimes_};
  local::LocalPresence registry_;
  fanout::Presence presence_;
  fanout::SocketRecovery recovery_;
  OriginPolicy origins_;
  RateLimiter limiter_;
  LoginGuard logins_;
  KnownNetworks known_networks_{lifetimes_};
  Hasher hasher_;
  std::unique_ptr<rest::Services> services_;
  std::unique_ptr<rest::Router> router_;
};

}  // namespace maru::gateway::testing
