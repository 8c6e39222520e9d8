#include "gateway/events/testing/node.hpp"

#include <sodium.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <future>
#include <optional>
#include <thread>

#include "base/settled_clock.hpp"
#include "bus/local/local_bus.hpp"
#include "bus/local/local_presence.hpp"
#include "chat/command_lane.hpp"
#include "chat/endings.hpp"
#include "chat/testing/seeded_ids.hpp"
#include "commandlog/local/local_command_log.hpp"
#include "endpoint/endpoint.hpp"
#include "fanout/delivery_inbox.hpp"
#include "fanout/hub.hpp"
#include "fanout/interest_table.hpp"
#include "fanout/presence/presence.hpp"
#include "fanout/recovery/socket_recovery.hpp"
#include "gateway/identity/auth.hpp"
#include "gateway/identity/hasher.hpp"
#include "gateway/identity/origin_policy.hpp"
#include "gateway/identity/session_activity.hpp"
#include "gateway/limits/known_networks.hpp"
#include "gateway/limits/login_guard.hpp"
#include "gateway/limits/rate_limiter.hpp"
#include "gateway/limits/read_turns.hpp"
#include "gateway/limits/user_connections.hpp"
#include "gateway/pending_leaves.hpp"
#include "gateway/realtime.hpp"
#include "net/io_thread.hpp"
#include "storage/sqlite/reader_pool.hpp"
#include "storage/sqlite/sqlite_store.hpp"
#include "storage/sqlite/testing/temporary_directory.hpp"
#include "text/text.hpp"

namespace maru::gateway::testing {
namespace {

void fill_random(std::uint8_t* out, std::size_t size) {
  randombytes_buf(out, size);
}

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "test node: %s\n", result.error().detail.c_str());
    std::abort();
  }
  return std::move(*result);
}

// What is accepted and then lost, on demand: one query or command.
class Loss {
 public:
  void plan(int let_through) {
    lost_ = false;
    left_ = let_through;
  }
  bool takes_this() {
    if (left_ < 0 || left_.fetch_sub(1) != 0) return false;
    lost_ = true;
    return true;
  }
  [[nodiscard]] bool has_lost() const { return lost_; }
  bool end() {
    left_ = -1;
    return lost_;
  }

 private:
  std::atomic<int> left_{-1};
  std::atomic<bool> lost_{false};
};

// Drops it as a queue that closes does, on a thread that is none of its own.
template <class Item>
void drop_elsewhere(Item&& item) {
  std::thread([lost = std::forward<Item>(item)] {}).join();
}

class LossyCommands final : public chat::CommandLog {
 public:
  LossyCommands(chat::CommandLog& log, Loss& loss) : log_(log), loss_(loss) {}
  bool submit(chat::Command&& command) override {
    if (!loss_.takes_this()) return log_.submit(std::move(command));
    drop_elsewhere(std::move(command));
    return true;
  }

 private:
  chat::CommandLog& log_;
  Loss& loss_;
};

// The readers, who may be full on demand.
class BusyQueries final : public chat::QueryPool {
 public:
  explicit BusyQueries(Loss& loss) : loss_(loss) {}
  bool post(chat::Lane lane, Query&& query) override {
    if (loss_.takes_this()) {
      drop_elsewhere(std::move(query));
      return true;
    }
    const int turn = next_.fetch_add(1);
    if (turn >= first_refused && turn < first_let_through) return false;
    return readers->post(lane, std::move(query));
  }
  void refuse(int let_through, int refused) {
    first_refused = next_ + let_through;
    first_let_through = first_refused + refused;
  }
  [[nodiscard]] bool has_refused() const { return next_ > first_refused; }

  chat::QueryPool* readers = nullptr;

 private:
  Loss& loss_;
  std::atomic<int> next_{0};
  std::atomic<int> first_refused{0};
  std::atomic<int> first_let_through{0};
};

struct IoPart {
  IoPart(unsigned index, const Clock& clock, fanout::InterestTable& interest)
      : thread(index, {}, clock), inbox(index, interest, [this] { thread.wake(); }) {
    thread.on_wake([this] { inbox.drain(); });
  }

  net::IoThread thread;
  fanout::DeliveryInbox inbox;
  std::unique_ptr<Context> context;
  std::unique_ptr<Realtime> realtime;
  std::unique_ptr<endpoint::Endpoint> endpoint;
};

}  // namespace

struct Node::Parts {
  Parts(GatewayOptions given, unsigned threads)
      : options(std::move(given)),
        interest(threads, &bus),
        realtime_cores(threads),
        origins(options, clock),
        limiter(options, clock),
        // Without limits they are counted, too: see wait_until_gone.
        connections(options.rate_limits ? options.connections_per_user : 1'000'000) {}

  sqlite::testing::TemporaryDirectory directory;
  SystemClock clock;
  SettledClock lifetimes{clock};
  GatewayOptions options;
  std::unique_ptr<sqlite::SqliteStore> store;
  chat::testing::SeededIds ids;
  local::LocalPresence registry;
  fanout::Presence presence{{}, clock, registry};
  fanout::SocketRecovery recovery{{}, clock};
  local::LocalBus bus;
  fanout::InterestTable interest;
  RealtimeCores realtime_cores;
  PendingLeaves pending_leaves;
  Budgets budgets;
  ReadTurns read_turns;
  std::vector<std::unique_ptr<IoPart>> io;
  std::optional<fanout::Hub> hub;
  std::optional<local::LocalCommandLog> commands;
  std::optional<chat::CommandLane> sequencer;
  std::unique_ptr<sqlite::ReaderPool> readers;
  Loss loss;
  BusyQueries queries{loss};
  std::optional<LossyCommands> clients_commands;
  std::optional<LoginGuard> logins;
  std::optional<SessionActivity> activity;
  KnownNetworks known_networks{lifetimes};
  Hasher hasher;
  OriginPolicy origins;
  RateLimiter limiter;
  UserConnections connections;
  std::uint16_t port = 0;
};

GatewayOptions Node::quiet(AuthMode auth) {
  GatewayOptions options;
  options.auth = auth;
  options.rate_limits = false;
  options.recovery_default = auth == AuthMode::kOpen;
  return options;
}

Node::Node(GatewayOptions options, unsigned threads)
    : parts_(std::make_unique<Parts>(std::move(options), threads)) {
  if (sodium_init() < 0) std::abort();
  Parts& it = *parts_;
  sqlite::StoreOptions store_options;
  store_options.data_dir = it.directory.path();
  it.store = must(sqlite::SqliteStore::open(store_options));
  it.options.store_epoch = it.store->epoch();
  std::vector<fanout::DeliveryTarget> targets;
  std::vector<net::IoThread*> io_threads;
  for (unsigned k = 0; k < threads; ++k) {
    it.io.push_back(std::make_unique<IoPart>(k, it.clock, it.interest));
    targets.push_back(it.io.back()->inbox.target());
    io_threads.push_back(&it.io.back()->thread);
  }
  it.hub.emplace(std::move(targets), it.interest, &it.recovery, it.clock);
  it.bus.start(*it.hub);
  chat::LaneOptions sequencing;
  sequencing.quotas.enabled = it.options.rate_limits;
  it.commands.emplace(it.clock, it.ids);
  it.clients_commands.emplace(*it.commands, it.loss);
  it.sequencer.emplace(*it.commands, *it.store, it.bus, it.clock, it.ids, sequencing);
  it.logins.emplace(it.options, it.clock, *it.commands);
  it.activity.emplace(*it.commands, it.lifetimes);
  it.readers = must(sqlite::ReaderPool::open(*it.store));
  it.queries.readers = it.readers.get();
  it.recovery.start();
  it.presence.start(
      [&it](std::vector<wire::WireEvent>&& events) { return it.hub->publish(std::move(events)); },
      *it.commands);
  for (const auto& part : it.io) {
    part->thread.set_peers(io_threads);
    part->context = std::make_unique<Context>(
        Context{it.options,  part->thread,      io_threads,     it.realtime_cores,
                it.clock,    it.lifetimes,      fill_random,    *it.clients_commands,
                it.queries,  part->inbox,       it.interest,    it.presence,
                it.recovery, it.hasher,         it.origins,     it.limiter,
                *it.logins,  it.known_networks, it.connections, it.pending_leaves,
                it.budgets,  it.read_turns,     it.bus,         *it.activity});
    part->realtime = std::make_unique<Realtime>(*part->context);
    part->endpoint = std::make_unique<endpoint::Endpoint>(part->thread, endpoint::EndpointOptions{},
                                                          *part->realtime, fill_random);
    part->thread.set_handler(*part->endpoint);
  }
  const net::Listening listening = must(net::listen_on("127.0.0.1", 0, threads));
  it.port = listening.port;
  for (unsigned k = 0; k < threads; ++k) {
    it.io[k]->thread.start(listening.descriptors[k], nullptr);
  }
}

Node::~Node() {
  Parts& it = *parts_;
  for (const auto& part : it.io) part->thread.stop();
  for (const auto& part : it.io) part->inbox.close();
  it.read_turns.close();
  it.presence.stop();
  it.recovery.stop();
  it.sequencer->stop();
  it.readers.reset();
  for (const auto& part : it.io) part->realtime->drop_tasks();
}

std::uint16_t Node::port() const {
  return parts_->port;
}
const std::string& Node::epoch() const {
  return parts_->options.store_epoch;
}

chat::Reply Node::run(chat::CommandBody body) {
  auto promise = std::make_shared<std::promise<chat::Reply>>();
  auto future = promise->get_future();
  chat::Command command{std::move(body),
                        [promise](chat::Reply reply) { promise->set_value(std::move(reply)); }};
  if (!parts_->commands->submit(std::move(command))) std::abort();
  return future.get();
}

TestUser Node::guest(const std::string& name) {
  const NewToken token = make_token(fill_random);
  auto reply = must(run(chat::OpenGuest{
      .name = name, .folded_name = text::fold_name(name), .session = {.token = token.hash}}));
  const auto& in = std::get<chat::LoggedIn>(reply);
  return {in.user.id, in.session.id, name, token.token};
}

TestUser Node::account(const std::string& name) {
  const NewToken token = make_token(fill_random);
  auto reply = must(run(chat::RegisterUser{.name = name,
                                           .folded_name = text::fold_name(name),
                                           .password_hash = "$argon2id$test",
                                           .session = {.token = token.hash}}));
  const auto& in = std::get<chat::LoggedIn>(reply);
  return {in.user.id, in.session.id, name, token.token};
}

chat::ChatDocument Node::group(const TestUser& owner, const std::vector<TestUser>& others) {
  chat::CreateChat create{.caller = owner.id, .name = "room"};
  for (const TestUser& other : others) create.users.push_back(other.id);
  return std::get<chat::ChatCreated>(must(run(std::move(create)))).document;
}

chat::ChatDocument Node::personal(const TestUser& one, const TestUser& other) {
  chat::CreateChat create{.caller = one.id, .name = "two", .is_personal = true};
  create.users = {one.id, other.id};
  return std::get<chat::ChatCreated>(must(run(std::move(create)))).document;
}

chat::RecordPtr Node::send(const TestUser& from, ChatId chat, const std::string& content) {
  auto reply = must(run(chat::SendMessage{.chat = chat, .from = from.id, .content = content}));
  return std::get<chat::Sent>(reply).record;
}

void Node::finish_endings() {
  chat::EndingPass pass(*parts_->commands, *parts_->readers);
  const std::atomic<bool> stopping = false;
  while (pass.run(stopping) != chat::EndingPass::Outcome::kDone) {
  }
}

void Node::refuse_queries(int let_through, int refused) {
  parts_->queries.refuse(let_through, refused);
}

namespace {

// False: not within a time that only a broken server needs.
template <class Done>
bool eventually(Done done) {
  for (int tries = 0; tries < 10'000; ++tries) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace

void Node::lose_one(int let_through) {
  parts_->loss.plan(let_through);
}
bool Node::end_loss() {
  return parts_->loss.end();
}

bool Node::wait_until_gone(UserId user) {
  return eventually([&] { return parts_->connections.count_of(user) == 0; });
}

bool Node::wait_until_lost() {
  return eventually([&] { return parts_->loss.has_lost(); });
}

bool Node::wait_until_refused() {
  return eventually([&] { return parts_->queries.has_refused(); });
}

void Node::announce_drain(std::int64_t within_ms) {
  for (const auto& part : parts_->io) {
    part->thread.post(
        [realtime = part->realtime.get(), within_ms] { realtime->announce_drain(within_ms); });
  }
}

bool Node::is_online(UserId user) {
  std::promise<bool> promise;
  parts_->presence.ask_online({user}, [&](std::vector<fanout::PresenceInfo> infos) {
    promise.set_value(!infos.empty() && infos.front().online);
  });
  return promise.get_future().get();
}

}  // namespace maru::gateway::testing
