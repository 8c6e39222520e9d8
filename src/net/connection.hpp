// What an HTTP and a WebSocket connection have in common: a descriptor, perhaps a TLS session, and
// bytes waiting to be written. Owner thread only (IoCore).
//
// While idle it holds no buffer and no timer of its own: what waits to be written lies in a
// PendingWrites, borrowed from the thread until it has drained.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/memory.hpp"
#include "base/shared_bytes.hpp"
#include "net/connection_limits.hpp"
#include "net/loop.hpp"
#include "net/outbox.hpp"
#include "net/timer_wheel.hpp"
#include "net/tls.hpp"

namespace maru::net {

class Connection;
class IoCore;

// An outbox and the deadline for it to drain, or for a closing peer to go. Borrowed from
// IoCore::take_pending_writes().
class PendingWrites final : public Timer {
 public:
  ~PendingWrites() = default;

  Outbox outbox;
  Connection* owner = nullptr;

 private:
  void on_timer() override;
};

// A descriptor with what belongs to it. Passed on at an upgrade and at a move between threads.
struct Stream {
  int descriptor = -1;
  std::uint32_t interest = 0;  // the events that epoll watches for
  ssl_st* tls = nullptr;
  PendingWrites* pending = nullptr;          // null: nothing to write
  ConnectionLimits::Place* place = nullptr;  // given back when the descriptor is closed
};

class Connection : public Loop::Target {
 public:
  // Takes the stream over: from now on, and even if the whole cannot be made, it ends with this.
  Connection(IoCore& core, Stream& stream);
  virtual ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void on_ready(std::uint32_t events) final;

  // At the end of each loop turn in which mark_dirty() was called: write, tell, go on.
  virtual void end_of_turn() = 0;
  // The thread is stopping: tell the handler, send what is queued, take nothing more.
  virtual void on_stop() = 0;
  // The deadline of the pending writes has passed.
  virtual void on_write_deadline() = 0;

  // Begins to hear from the loop of its thread. False: there is no memory for it.
  [[nodiscard]] bool watch(std::uint32_t events);

  // An edge (base/memory.hpp): what finds no memory ends this connection, and nothing else.
  template <class Body>
  void edge(Body&& body) {
    if (!memory::survive(std::forward<Body>(body))) fail();
  }

  [[nodiscard]] bool is_dead() const { return dead_; }
  [[nodiscard]] bool has_pending_writes() const { return stream_.pending != nullptr; }
  [[nodiscard]] IoCore& core() const { return *core_; }

  std::uint32_t index = 0;        // in IoCore's list
  std::uint32_t dirty_index = 0;  // in its list of dirty ones, while it is one

 protected:
  enum class ReadStatus : std::uint8_t { kBytes, kNothing, kEnd, kFailed };
  enum class FlushStatus : std::uint8_t { kDrained, kLeft, kFailed };

  // Bytes to read, or the end of the stream.
  virtual void on_readable() = 0;
  // Reset, or hung up on both sides.
  virtual void on_failed() = 0;

  // Reads into the thread's receive buffer.
  ReadStatus read_some(std::size_t bytes_max, std::span<char>& bytes);
  void queue(SharedBytes bytes);
  // A flush left bytes, `progressed` says whether it wrote any: sees to the deadline of the pending
  // writes. This one lets any progress extend it.
  virtual void on_bytes_left(bool progressed);
  // One write. What is left while the socket has room waits for the next round of this turn.
  FlushStatus flush();
  // For the deadline of the pending writes; borrows one if there is none.
  void start_write_deadline(std::int64_t delay_ms);
  void mark_dirty();
  void set_reading(bool on, bool watch_hang_up = false);
  // No more of ours after what was written; reading goes on.
  void shut_down_sending();
  // The object is deleted at the end of the turn; its descriptor is closed now.
  void die();
  void close_stream();
  void drop_pending();
  // On the way to another thread it belongs to none.
  void leave_core();
  [[nodiscard]] std::size_t queued() const {
    return stream_.pending ? stream_.pending->outbox.bytes() : 0;
  }
  [[nodiscard]] std::size_t queued_memory() const {
    return stream_.pending ? stream_.pending->outbox.memory_bytes() : 0;
  }

  IoCore* core_;  // null on the way between threads
  Stream stream_;

 private:
  friend class IoCore;
  struct Written {
    IoResult result;
    bool full = false;  // the socket took less than it was given
  };
  void handle(std::uint32_t events);
  void fail();
  Written write_once();
  Written write_plain();
  void update_interest(std::uint32_t interest);

  bool dirty_ = false;
  bool dead_ = false;
  bool blocked_ = false;         // the last write found the socket full
  bool deadline_fixed_ = false;  // start_write_deadline(): writing does not extend it
  bool lost_bytes_ = false;      // there was no memory to queue them: it ends at its next flush
};

}  // namespace maru::net
