// What every REST call and every event handler of one I/O thread works with. Plain references: the
// composition root (app/) owns it all and outlives the threads. Built once per I/O thread; used on
// that thread only, but for what each type says of itself.
#pragma once

#include <functional>
#include <vector>

#include "base/budgets.hpp"
#include "base/clock.hpp"
#include "base/id.hpp"
#include "chat/ports/command_log.hpp"
#include "chat/ports/event_bus.hpp"
#include "chat/ports/query_pool.hpp"
#include "fanout/delivery_inbox.hpp"
#include "fanout/interest_table.hpp"
#include "fanout/presence/presence.hpp"
#include "fanout/recovery/socket_recovery.hpp"
#include "gateway/options.hpp"
#include "net/io_thread.hpp"

namespace maru::gateway {

class Hasher;
class KnownNetworks;
class LoginGuard;
class OriginPolicy;
class PendingLeaves;
class RateLimiter;
class ReadTurns;
class RealtimeCore;
class SessionActivity;
class UserConnections;

using Random = std::function<void(std::uint8_t* out, std::size_t size)>;

// The realtime cores by I/O thread: a task posted to thread k finds its core at k. Each core enters
// itself before its thread starts and leaves after it ended; null before and after.
using RealtimeCores = std::vector<RealtimeCore*>;

struct Context {
  const GatewayOptions& options;
  net::IoThread& thread;
  std::vector<net::IoThread*> all_threads;  // in index order
  RealtimeCores& realtime_cores;            // as many
  const Clock& clock;
  const Clock& lifetimes;        // SettledClock: how old sessions and keys are; any thread
  Random random;                 // any thread
  chat::CommandLog& commands;    // any thread
  chat::QueryPool& queries;      // any thread
  fanout::DeliveryInbox& inbox;  // this thread's
  fanout::InterestTable& interest;
  fanout::Presence& presence;        // any thread
  fanout::SocketRecovery& recovery;  // any thread
  Hasher& hasher;                    // any thread
  const OriginPolicy& origins;       // any thread
  RateLimiter& limiter;              // any thread
  LoginGuard& logins;                // any thread
  KnownNetworks& known_networks;     // any thread
  UserConnections& connections;      // any thread
  PendingLeaves& pending_leaves;     // any thread
  Budgets& budgets;                  // any thread
  ReadTurns& read_turns;             // any thread
  chat::EventBus& bus;               // any thread; to ask when_live()
  SessionActivity& activity;         // any thread
};

}  // namespace maru::gateway
