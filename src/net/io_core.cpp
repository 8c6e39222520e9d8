#include "net/io_core.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/memory.hpp"
#include "net/connection.hpp"
#include "net/http_connection.hpp"

namespace maru::net {
namespace {

constexpr std::size_t kWriteBufferBytes = 16 * 1024;
// Spare outboxes kept for the next turn; a turn that writes to more connections allocates.
constexpr std::size_t kSparePendingMax = 1024;
// Rounds of writing within one turn: callbacks may queue more. What is left waits for the next.
constexpr int kRoundsPerTurn = 8;
// When memory is short, a connection may have so much unwritten.
constexpr std::size_t kKeptWhenShort = 16 * 1024;

}  // namespace

IoCore::IoCore(IoThread& io_thread, const NetOptions& net_options, const Clock& thread_clock)
    : thread(io_thread),
      options(net_options),
      clock(thread_clock),
      proxies(net_options.trusted_proxies),
      door(std::make_shared<FrontDoor>(net_options.connections_max,
                                       net_options.connections_per_ip_max)),
      timers(thread_clock.monotonic()),
      receive_buffer_(kReceiveBufferBytes),
      write_buffer_(kWriteBufferBytes),
      now_ms_(thread_clock.monotonic().ms) {
  spare_pending_.reserve(kSparePendingMax);  // giving one back must not need memory
}

IoCore::~IoCore() {
  kill_all();
  finish_turn();
  connections_.clear();
}

void IoCore::add(std::unique_ptr<Connection> connection) {
  if (connections_.size() == connections_.capacity()) {
    // What ends a connection must not need memory.
    const std::size_t wanted = std::max<std::size_t>(16, 2 * connections_.capacity());
    for (auto* list : {&dirty_, &working_}) list->reserve(wanted);
    dead_.reserve(wanted);
    connections_.reserve(wanted);
  }
  connection->index = static_cast<std::uint32_t>(connections_.size());
  connections_.push_back(std::move(connection));
  counters.connections_open.store(connections_.size(), std::memory_order_relaxed);
}

void IoCore::replace(Connection& old, std::unique_ptr<Connection> connection) {
  const std::uint32_t index = old.index;
  loop.change(connection->stream_.descriptor, connection->stream_.interest, *connection);
  connection->index = index;
  std::swap(connections_[index], connection);
  dead_.push_back(std::move(connection));
  // The old one stays in the dirty list if it is there; dead ones are passed over.
  old.dead_ = true;
}

std::unique_ptr<Connection> IoCore::take_out(Connection& connection) {
  const std::uint32_t index = connection.index;
  std::unique_ptr<Connection> taken = std::move(connections_[index]);
  if (index + 1 != connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->index = index;
  }
  connections_.pop_back();
  counters.connections_open.store(connections_.size(), std::memory_order_relaxed);
  return taken;
}

void IoCore::move_to(HttpConnection& connection, unsigned index) {
  loop.remove(connection.stream_.descriptor);
  forget_dirty(connection);
  if (working_on_ == &connection) working_on_ = nullptr;
  connection.leave_thread();
  IoThread* peer = peers[index];
  std::unique_ptr<Connection> taken = take_out(connection);
  // The task deletes the connection, and so closes it, if the peer has ended; as does want of
  // memory, after which nobody may touch it.
  [[maybe_unused]] const bool moved = memory::survive([&] {
    peer->post([moving = std::move(taken), peer]() mutable {
      HttpConnection::join_thread(std::move(moving), *peer);
    });
  });
}

PendingWrites* IoCore::take_pending_writes(Connection& owner) {
  PendingWrites* pending;
  if (spare_pending_.empty()) {
    pending = new PendingWrites;
  } else {
    pending = spare_pending_.back().release();
    spare_pending_.pop_back();
  }
  pending->owner = &owner;
  return pending;
}

void IoCore::give_back(PendingWrites* pending) {
  pending->stop();
  pending->outbox.clear();
  pending->owner = nullptr;
  std::unique_ptr<PendingWrites> owned(pending);
  if (spare_pending_.size() < kSparePendingMax) spare_pending_.push_back(std::move(owned));
}

std::uint64_t IoCore::open_exchange(HttpConnection& connection) {
  std::uint32_t slot;
  if (free_exchanges_.empty()) {
    slot = static_cast<std::uint32_t>(exchanges_.size());
    exchanges_.push_back({});
    free_exchanges_.reserve(exchanges_.capacity());  // closing one must not need memory
  } else {
    slot = free_exchanges_.back();
    free_exchanges_.pop_back();
  }
  exchanges_[slot].connection = &connection;
  ++exchanges_[slot].generation;
  return static_cast<std::uint64_t>(exchanges_[slot].generation) << 32 | slot;
}

void IoCore::close_exchange(std::uint64_t id) {
  const auto slot = static_cast<std::uint32_t>(id);
  exchanges_[slot].connection = nullptr;
  free_exchanges_.push_back(slot);
}

HttpConnection* IoCore::find_exchange(std::uint64_t id) const {
  const auto slot = static_cast<std::uint32_t>(id);
  if (slot >= exchanges_.size()) return nullptr;
  const ExchangeSlot& entry = exchanges_[slot];
  return entry.generation == static_cast<std::uint32_t>(id >> 32) ? entry.connection : nullptr;
}

void IoCore::mark_dirty(Connection& connection) {
  connection.dirty_index = static_cast<std::uint32_t>(dirty_.size());
  dirty_.push_back(&connection);
}

void IoCore::forget_dirty(const Connection& connection) {
  if (connection.dirty_) dirty_[connection.dirty_index] = nullptr;
}

void IoCore::finish_turn() {
  for (int round = 0; round < kRoundsPerTurn && !dirty_.empty(); ++round) {
    working_.swap(dirty_);
    // A connection that moves away does so within its own end_of_turn().
    for (Connection* connection : working_) {
      if (connection == nullptr) continue;
      connection->dirty_ = false;
      working_on_ = connection;
      connection->edge([connection] { connection->end_of_turn(); });
      if (std::exchange(working_on_, nullptr) == nullptr) continue;
      if (connection->dead_ && !connection->dirty_ && owns(*connection)) {
        dead_.push_back(take_out(*connection));
      }
    }
    working_.clear();
  }
  busy_ = !dirty_.empty();
  for (const auto& connection : dead_) forget_dirty(*connection);
  dead_.clear();
}

// False for one that was replaced.
bool IoCore::owns(const Connection& connection) const {
  return connection.index < connections_.size() &&
         connections_[connection.index].get() == &connection;
}

void IoCore::begin_stop() {
  stopping = true;
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    connections_[i]->edge([&] { connections_[i]->on_stop(); });
  }
}

// Memory is short: whoever does not read what it was sent is let go of.
void IoCore::shed() {
  shed_seen_ = memory::shed_round();
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    Connection& connection = *connections_[i];
    if (connection.is_dead() || connection.queued_memory() <= kKeptWhenShort) continue;
    maru::add(counters.shed);
    connection.fail();
  }
  if (handler != nullptr) handler->on_memory_short();
}

bool IoCore::has_pending_writes() const {
  return std::ranges::any_of(
      connections_, [](const auto& c) { return !c->is_dead() && c->has_pending_writes(); });
}

void IoCore::kill_all() {
  for (const auto& connection : connections_) connection->die();
}

}  // namespace maru::net
