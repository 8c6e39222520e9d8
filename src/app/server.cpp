#include "app/server.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "app/metrics.hpp"
#include "app/metrics_token.hpp"
#include "app/random.hpp"
#include "app/start_warnings.hpp"
#include "app/version.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/memory.hpp"
#include "base/settled_clock.hpp"
#include "bus/local/local_bus.hpp"
#include "bus/local/local_presence.hpp"
#include "chat/command_lane.hpp"
#include "chat/endings.hpp"
#include "commandlog/local/local_command_log.hpp"
#include "fanout/delivery_inbox.hpp"
#include "fanout/hub.hpp"
#include "fanout/interest_table.hpp"
#include "fanout/presence/presence.hpp"
#include "fanout/recovery/socket_recovery.hpp"
#include "gateway/counters.hpp"
#include "gateway/gateway.hpp"
#include "gateway/identity/hasher.hpp"
#include "gateway/identity/origin_policy.hpp"
#include "gateway/identity/session_activity.hpp"
#include "gateway/identity/session_audit.hpp"
#include "gateway/identity/session_expiry.hpp"
#include "gateway/limits/known_networks.hpp"
#include "gateway/limits/login_guard.hpp"
#include "gateway/limits/rate_limiter.hpp"
#include "gateway/limits/read_turns.hpp"
#include "gateway/limits/user_connections.hpp"
#include "gateway/pending_leaves.hpp"
#include "net/io_thread.hpp"
#include "storage/sqlite/errors.hpp"
#include "storage/sqlite/reader_pool.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace maru::app {
namespace {

using std::chrono::milliseconds;

// A drain ends within four seconds of its announcement: clients have two to go, I/O threads half a
// second to flush, and what waits for the store ends at these.
constexpr std::int64_t kUpkeepMs = 60'000;
constexpr std::int64_t kDrainMs = 2'000;
constexpr std::int64_t kCommitsUntilMs = 2'750;
constexpr std::int64_t kLastCommitsUntilMs = 3'750;

unsigned io_thread_count(const Config& config) {
  if (config.io_threads != 0) return config.io_threads;
  return std::max(1u, std::thread::hardware_concurrency());
}

// The usual soft limit is 1,024 for the sake of select(), which nobody here calls.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    log::warn("descriptor_limit_not_raised", {{"errno", errno}});
  }
}

net::NetOptions net_options(const Config& config, Budgets& budgets) {
  net::NetOptions options;
  options.connections_max = config.connections_max;
  options.connections_per_ip_max = config.gateway.rate_limits ? config.connections_per_ip : 0;
  options.answer_bytes = &budgets.answer_bytes;
  options.keep_alive_timeout_ms = config.keep_alive_timeout_ms;
  options.trusted_proxies = config.trusted_proxies;
  return options;
}

chat::LaneOptions sequencer_options(const Config& config) {
  chat::LaneOptions options;
  options.quotas = config.quotas;
  options.quotas.enabled = config.gateway.rate_limits;
  return options;
}

endpoint::EndpointOptions endpoint_options(const Config& config, Budgets& budgets) {
  endpoint::EndpointOptions options;
  options.post_budget = &budgets.post_bytes;
  options.ping_interval_ms = config.ping_interval_ms;
  options.ping_timeout_ms = config.ping_timeout_ms;
  options.heartbeat_jitter_ms = config.ping_interval_ms / 10;
  options.unjoined_per_address_max = config.gateway.rate_limits ? config.connections_per_ip : 0;
  options.keep_attachments = false;  // binary events are answered not_text
  return options;
}

}  // namespace

// One I/O thread with what lives on it. The inbox and the gateway are touched by the thread
// alone once it runs.
struct IoPart {
  IoPart(unsigned index, const Config& config, Budgets& budgets, const Clock& clock,
         fanout::InterestTable& interest)
      : thread(index, net_options(config, budgets), clock),
        inbox(index, interest, [this] { thread.wake(); }) {
    thread.on_wake([this] { inbox.drain(); });
  }

  net::IoThread thread;
  fanout::DeliveryInbox inbox;
  std::unique_ptr<gateway::Gateway> gateway;
};

struct Server::Parts {
  Parts(const Config& config, std::unique_ptr<sqlite::SqliteStore> opened)
      : budgets(config.budgets),
        log_bytes_max(config.budgets.log_bytes),
        store(std::move(opened)),
        options(config.gateway),
        interest(io_thread_count(config), &bus),
        realtime_cores(io_thread_count(config)),
        origins(options, clock),
        limiter(options, clock),
        connections(options.rate_limits ? options.connections_per_user : 0) {
    options.store_epoch = store->epoch();
  }

  // These outlive all that holds a part of one, every call among them.
  Budgets budgets;
  gateway::ReadTurns read_turns;
  std::size_t log_bytes_max;
  SystemClock clock;
  SettledClock lifetimes{clock};
  std::unique_ptr<sqlite::SqliteStore> store;
  gateway::GatewayOptions options;
  RandomIdSource ids{clock};
  local::LocalPresence registry;
  fanout::Presence presence{{}, clock, registry};
  fanout::SocketRecovery recovery{{}, clock};
  local::LocalBus bus;
  fanout::InterestTable interest;
  gateway::RealtimeCores realtime_cores;
  gateway::PendingLeaves pending_leaves;
  gateway::OriginPolicy origins;
  gateway::RateLimiter limiter;
  gateway::UserConnections connections;
  std::vector<std::unique_ptr<IoPart>> io;
  std::optional<fanout::Hub> hub;
  std::optional<gateway::SessionAudit> session_audit;
  std::optional<local::LocalCommandLog> commands;
  std::optional<chat::Endings> endings;
  std::optional<chat::CommandLane> sequencer;
  std::optional<gateway::SessionExpiry> expiry;
  std::optional<gateway::LoginGuard> logins;
  std::optional<gateway::SessionActivity> activity;
  gateway::KnownNetworks known_networks{lifetimes};
  // From here on in the order in which they ask each other: what ends first is declared last.
  gateway::Hasher hasher;
  std::unique_ptr<sqlite::ReaderPool> readers;
  std::shared_ptr<net::Tls> tls;
  std::optional<TokenHash> metrics_token;
  std::atomic<bool> ready{false};
  bool started = false;
  std::uint16_t port = 0;

  [[nodiscard]] std::filesystem::path recovery_file(const Config& config) const {
    return std::filesystem::path(config.data_dir) / "recovery.bin";
  }

  [[nodiscard]] std::filesystem::path known_networks_file(const Config& config) const {
    return std::filesystem::path(config.data_dir) / "known_networks.bin";
  }

  Result<void> wire(const Config& config);
  void make_gateways(const Config& config);
  Result<void> restore_login_failures();
  void accept(const net::Listening& listening);
  void wait_for_clients(MonotonicTime end);
  [[nodiscard]] MetricsSources metrics_sources() const;
};

Result<void> Server::Parts::wire(const Config& config) {
  const unsigned threads = io_thread_count(config);
  std::vector<fanout::DeliveryTarget> targets;
  for (unsigned k = 0; k < threads; ++k) {
    io.push_back(std::make_unique<IoPart>(k, config, budgets, clock, interest));
    targets.push_back(io.back()->inbox.target());
  }
  recovery.load_from(recovery_file(config), options.store_epoch);
  hub.emplace(std::move(targets), interest, &recovery, clock);
  bus.start(*hub);
  session_audit.emplace(bus);
  commands.emplace(clock, ids);
  auto pool = sqlite::ReaderPool::open(*store);
  if (!pool) return std::unexpected(pool.error());
  readers = std::move(*pool);
  endings.emplace(*commands, *readers);
  chat::LaneOptions lane = sequencer_options(config);
  lane.on_users_ending = [this] { endings->look(); };
  sequencer.emplace(*commands, *store, *session_audit, clock, ids, std::move(lane));
  expiry.emplace(*commands, lifetimes, options);
  logins.emplace(options, lifetimes, *commands);
  activity.emplace(*commands, lifetimes);
  if (auto restored = restore_login_failures(); !restored) return restored;
  known_networks.load(known_networks_file(config));
  recovery.start();
  presence.start(
      [this](std::vector<wire::WireEvent>&& events) { return hub->publish(std::move(events)); },
      *commands);
  make_gateways(config);
  endings->start();
  return {};
}

Result<void> Server::Parts::restore_login_failures() {
  std::promise<Result<std::vector<chat::LoginFailures>>> loaded;
  const bool posted = readers->post(chat::Lane::kUrgent, [&loaded](chat::Snapshot& snapshot) {
    loaded.set_value(snapshot.load_login_failures(gateway::LoginGuard::kCountersMax));
  });
  if (!posted) return fail(ErrorCode::kUnavailable, "The store cannot be read.");
  const auto counters = loaded.get_future().get();
  if (!counters) return std::unexpected(counters.error());
  logins->restore(*counters);
  return {};
}

void Server::Parts::make_gateways(const Config& config) {
  std::vector<net::IoThread*> threads;
  threads.reserve(io.size());
  for (const auto& part : io) threads.push_back(&part->thread);
  for (const auto& part : io) {
    part->thread.set_peers(threads);
    part->gateway = std::make_unique<gateway::Gateway>(
        gateway::Context{
            options,     part->thread,   threads,  realtime_cores, clock,    lifetimes,
            fill_random, *commands,      *readers, part->inbox,    interest, presence,
            recovery,    hasher,         origins,  limiter,        *logins,  known_networks,
            connections, pending_leaves, budgets,  read_turns,     bus,      *activity},
        endpoint_options(config, budgets),
        gateway::Probes{[this] { return ready.load(); },
                        [this] { return metrics_text(metrics_sources()); }, metrics_token});
    part->thread.set_handler(*part->gateway);
  }
}

void Server::Parts::accept(const net::Listening& listening) {
  port = listening.port;
  for (std::size_t k = 0; k < io.size(); ++k) {
    io[k]->thread.start(listening.descriptors[k], tls);
  }
  started = true;
}

// Until the last one has gone, or `end`.
void Server::Parts::wait_for_clients(MonotonicTime end) {
  auto open = [this] {
    return std::ranges::any_of(
        io, [](const auto& part) { return part->thread.counters().connections_open.load() != 0; });
  };
  while (open() && clock.monotonic() < end) std::this_thread::sleep_for(milliseconds(20));
}

MetricsSources Server::Parts::metrics_sources() const {
  MetricsSources sources;
  for (const auto& part : io) sources.net.push_back(&part->thread.counters());
  sources.sequencer = &sequencer->counters();
  sources.disk = &store->disk();
  sources.commands_waiting = commands->waiting();
  sources.queries_waiting = readers->depth(chat::Lane::kUrgent);
  sources.bulk_queries_waiting = readers->depth(chat::Lane::kBulk) + read_turns.waiting();
  for (const auto& part : io) {
    for (const gateway::Counters* one : part->gateway->counters()) sources.gateway.push_back(one);
  }
  sources.fanout = &recovery.counters();
  sources.budgets = &budgets;
  sources.hasher = &hasher.counters();
  sources.log_bytes_max = log_bytes_max;
  for (const auto& part : io) sources.deliveries_waiting += part->inbox.waiting();
  return sources;
}

Server::Server(const Config& config) : config_(config) {}

Server::~Server() {
  if (parts_ && parts_->sequencer) drain();
}

Result<void> Server::start() {
  const auto begun = SystemClock().monotonic();
  raise_descriptor_limit();
  // First what may be refused without a trace: a start that fails leaves no new data directory. Who
  // connects before the I/O threads run waits in the listener's backlog.
  auto tls = load_tls();
  if (!tls) return std::unexpected(tls.error());
  const auto metrics_token = load_metrics_token(config_.metrics_token_file);
  if (!metrics_token) return std::unexpected(metrics_token.error());
  const auto listening = net::listen_on(config_.host, config_.port, io_thread_count(config_));
  if (!listening) return std::unexpected(listening.error());
  if (auto made = make_parts(*metrics_token); !made) {
    for (const int descriptor : listening->descriptors) ::close(descriptor);
    return made;
  }
  parts_->tls = std::move(*tls);
  parts_->accept(*listening);
  parts_->ready = true;
  log_start(SystemClock().monotonic().ms - begun.ms);
  return {};
}

Result<std::shared_ptr<net::Tls>> Server::load_tls() const {
  if (config_.tls_cert.empty()) return nullptr;
  auto loaded = net::load_tls({config_.tls_cert, config_.tls_key});
  if (!loaded) return fail(loaded.error().code, "--tls-cert, --tls-key: " + loaded.error().detail);
  return loaded;
}

Result<void> Server::make_parts(const std::optional<TokenHash>& metrics_token) {
  auto claim = PathClaim::take(config_.data_dir);
  if (!claim) return std::unexpected(claim.error());
  claim_.emplace(std::move(*claim));
  sqlite::StoreOptions store_options;
  store_options.data_dir = config_.data_dir;
  store_options.reserve = config_.disk_reserve;
  auto store = sqlite::SqliteStore::open(store_options);
  if (!store) return std::unexpected(store.error());
  parts_ = std::make_unique<Parts>(config_, std::move(*store));
  parts_->metrics_token = metrics_token;
  return parts_->wire(config_);
}

void Server::log_start(std::int64_t after_ms) const {
  const bool open_mode = config_.gateway.auth == gateway::AuthMode::kOpen;
  warn_of_risks(config_);
  log::info("ready", {{"port", parts_->port},
                      {"auth", open_mode ? "open" : "accounts"},
                      {"data_dir", config_.data_dir},
                      {"version", version_with_commit()},
                      {"connections_max", parts_->io.front()->thread.connections_max()},
                      {"after_ms", after_ms}});
}

std::uint16_t Server::port() const {
  return parts_->port;
}

void Server::tick() {
  if (const auto missing = parts_->store->watch().find_missing()) {
    sqlite::stop_process("the data directory was taken away: " + *missing +
                         " is gone or another file; what was acknowledged since may be lost");
  }
  if (memory::is_short()) recover_memory();
  const auto now = parts_->clock.monotonic();
  if (now.ms < next_upkeep_.ms) return;
  next_upkeep_ = {now.ms + kUpkeepMs};
  parts_->expiry->run();
  parts_->endings->look();
  parts_->logins->expire();
  parts_->known_networks.save_if_changed(parts_->known_networks_file(config_));
}

void Server::recover_memory() {
  // Once a shortage, however long: logging would need more.
  if (std::exchange(shortage_logged_, memory::shortages()) != memory::shortages()) {
    log::warn("memory_short", {{"shortages", memory::shortages()}});
  }
  memory::recover();
  if (!memory::is_short()) log::info("memory_recovered");
  for (const auto& part : parts_->io) part->thread.wake();  // to shed, idle ones too
}

void Server::reload_tls() {
  if (config_.tls_cert.empty()) return;
  const auto loaded = load_tls();
  if (!loaded) {
    log::error("tls_reload_failed", {{"reason", loaded.error().detail}});
    return;
  }
  for (const auto& part : parts_->io) part->thread.set_tls(*loaded);
  log::info("tls_reloaded", {});
}

void Server::drain() {
  Parts& parts = *parts_;
  parts.ready = false;
  const auto announced = parts.clock.monotonic();
  // Whoever reads much is told to come again: the stop waits for none of it.
  parts.read_turns.close();
  // Whoever ends from here on is seen to at the next start. Told before its query may be dropped:
  // to stop is not to be stuck.
  parts.endings->request_stop();
  parts.readers->drop_bulk();
  parts.endings->stop();
  if (parts.started) {
    for (const auto& part : parts.io) {
      part->thread.post([gateway = part->gateway.get()] { gateway->announce_drain(kDrainMs); });
    }
    parts.wait_for_clients({announced.ms + kDrainMs});
    // So that the acknowledgements are on their way before the close.
    parts.commands->settle({announced.ms + kCommitsUntilMs});
    // Not before: many polling clients open a connection for each poll, and one that finds none is
    // lost too early, so that its first tries to come back are in vain.
    for (const auto& part : parts.io) part->thread.stop_accepting();
    // Behind the acknowledgements that wait there.
    for (const auto& part : parts.io) {
      part->inbox.post([gateway = part->gateway.get()] { gateway->close_all(); });
    }
    for (const auto& part : parts.io) part->thread.request_stop();
    for (const auto& part : parts.io) part->thread.stop();
  }
  // Nobody drains these any more; the hub must not wait for them.
  for (const auto& part : parts.io) part->inbox.close();
  parts.commands->settle({announced.ms + kLastCommitsUntilMs});
  // Presence writes while the sequencer still takes it. Recovery ends after it: what is committed
  // until then belongs into the saved ring.
  parts.presence.flush();
  // An append that still does not know what became of it keeps nobody waiting: its commands are
  // answered unknown.
  parts.store->give_up();
  parts.sequencer->stop();
  parts.presence.stop();
  parts.recovery.stop();
  parts.known_networks.save_if_changed(parts.known_networks_file(config_));
  parts.recovery.save_to(parts.recovery_file(config_), parts.options.store_epoch);
  parts_.reset();
}

}  // namespace maru::app
