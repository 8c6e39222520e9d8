// The inside of an I/O thread: what its connections share. Owner thread only, except wake().
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/memory.hpp"
#include "net/address.hpp"
#include "net/front_door.hpp"
#include "net/http.hpp"
#include "net/http_date.hpp"
#include "net/io_thread.hpp"
#include "net/loop.hpp"
#include "net/timer_wheel.hpp"

namespace maru::net {

class Connection;
class HttpConnection;
class PendingWrites;
struct Stream;

inline constexpr std::size_t kReceiveBufferBytes = 64 * 1024;

class IoCore {
 public:
  IoCore(IoThread& thread, const NetOptions& net_options, const Clock& thread_clock);
  ~IoCore();
  IoCore(const IoCore&) = delete;
  IoCore& operator=(const IoCore&) = delete;

  static IoCore& of(IoThread& thread);

  // Shared by all connections of the thread. What is in the receive buffer counts until the next
  // read; the write buffer until the end of a flush.
  std::span<char> receive_buffer() { return receive_buffer_; }
  std::span<char> write_buffer() { return write_buffer_; }

  // Takes a connection that is watched already.
  void add(std::unique_ptr<Connection> connection);
  // A new owner for `old`'s place and stream: an upgrade.
  void replace(Connection& old, std::unique_ptr<Connection> connection);
  // Connection's own business: see Connection::mark_dirty().
  void mark_dirty(Connection& connection);
  // To the thread `index`, where it is read on.
  void move_to(HttpConnection& connection, unsigned index);

  PendingWrites* take_pending_writes(Connection& owner);
  void give_back(PendingWrites* pending);

  std::uint64_t open_exchange(HttpConnection& connection);
  void close_exchange(std::uint64_t id);
  [[nodiscard]] HttpConnection* find_exchange(std::uint64_t id) const;

  // One turn: wait, events, timers, `woken` if somebody woke the loop, writes, burials.
  template <class Woken>
  void turn(Woken&& woken) {
    loop.wait(busy_ ? 0 : timers.next_delay_ms());
    // Before anybody starts a timer: the wait may have been long. What is due fires after the
    // events, so that a client's last word before its deadline counts.
    refresh_now();
    timers.see(MonotonicTime{now_ms_});
    const bool was_woken = loop.dispatch();
    timers.advance(MonotonicTime{now_ms_});
    // Before others' work: whoever posts it may be waiting for the memory.
    if (memory::shed_round() != shed_seen_) [[unlikely]] {
      [[maybe_unused]] const bool done = memory::survive([this] { shed(); });
    }
    if (was_woken) woken();
    finish_turn();
  }
  // Writes, calls back, deletes the dead.
  void finish_turn();
  // What an answer of this moment says in Date.
  [[nodiscard]] std::string_view date() { return date_.at(clock.wall()); }
  void refresh_now() { now_ms_ = clock.monotonic().ms; }
  [[nodiscard]] std::int64_t now_ms() const { return now_ms_; }

  // For stop(): tells all connections, and whether any of them still has bytes to write.
  void begin_stop();
  [[nodiscard]] bool has_pending_writes() const;
  void kill_all();
  [[nodiscard]] std::size_t connection_count() const { return connections_.size(); }

  IoThread& thread;
  const NetOptions options;
  const Clock& clock;
  const TrustedProxies proxies;
  std::shared_ptr<FrontDoor> door;  // the peers' too
  NetCounters counters;
  Loop loop;
  TimerWheel timers;
  HttpHandler* handler = nullptr;
  std::vector<IoThread*> peers;
  bool stopping = false;

 private:
  struct ExchangeSlot {
    HttpConnection* connection = nullptr;
    std::uint32_t generation = 0;
  };

  std::unique_ptr<Connection> take_out(Connection& connection);
  void forget_dirty(const Connection& connection);
  void shed();
  [[nodiscard]] bool owns(const Connection& connection) const;

  std::vector<char> receive_buffer_;
  std::vector<char> write_buffer_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> dirty_;    // null: one that has gone
  std::vector<Connection*> working_;  // those of this round
  Connection* working_on_ = nullptr;  // null: it moved to another thread meanwhile
  std::vector<std::unique_ptr<Connection>> dead_;
  std::vector<std::unique_ptr<PendingWrites>> spare_pending_;
  std::vector<ExchangeSlot> exchanges_;
  std::vector<std::uint32_t> free_exchanges_;
  HttpDate date_;
  std::int64_t now_ms_ = 0;
  std::uint64_t shed_seen_ = memory::shed_round();
  bool busy_ = false;  // the last turn left work: do not sleep
};

}  // namespace maru::net
