// An I/O thread: a readiness loop, its listener, its connections, one timer wheel.
//
// start() and stop() are for main's thread; post() is for any; the rest is for the thread itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/budget.hpp"
#include "base/clock.hpp"
#include "base/counter.hpp"
#include "base/error.hpp"
#include "base/job.hpp"
#include "net/http.hpp"
#include "net/timer_wheel.hpp"

namespace maru::net {

struct TlsFiles {
  std::string certificate_chain_pem;  // path
  std::string private_key_pem;        // path
};

struct NetOptions {
  // Per connection, what its frames cost beside their bytes included; past it: slow consumer.
  std::size_t outbox_bytes_max = 1024 * 1024;
  // Of all I/O threads together.
  std::size_t connections_max = 0;         // 0: from RLIMIT_NOFILE less a reserve
  std::size_t connections_per_ip_max = 0;  // 0: none; loopback and trusted proxies are exempt
  std::int64_t head_timeout_ms = 10'000;
  // Between requests, as the field Keep-Alive says it. Longer than the usual proxies keep an idle
  // connection (nginx 60 s), so that it is they who end it: a request that crosses the end of its
  // connection is lost.
  std::int64_t keep_alive_timeout_ms = 75'000;
  std::int64_t write_stall_timeout_ms = 30'000;  // of a WebSocket
  // An answer is read at this rate over each window, or the connection is dropped.
  std::int64_t read_window_ms = 10'000;
  std::size_t read_bytes_per_second_min = 4096;
  // Where unwritten answers are accounted; null: nowhere. Outlives the thread.
  SharedBudget* answer_bytes = nullptr;
  std::size_t body_bytes_per_second_min = 500;
  std::size_t websocket_message_bytes_max = 64 * 1024;
  std::vector<std::string> trusted_proxies;  // addresses or CIDR blocks
};

// Counters for /metrics; written by the thread, read by any.
struct NetCounters {
  Counter connections_open{0};
  Counter connections_accepted{0};
  Counter connections_refused{0};  // over a cap, or no descriptors left
  Counter accept_pauses{0};        // not even a reserve descriptor was left
  Counter websockets_open{0};
  Counter bytes_read{0};
  Counter bytes_written{0};
  Counter writes{0};
  Counter slow_consumers{0};
  Counter shed{0};            // connections with much unwritten, dropped when memory was short
  Counter unread_dropped{0};  // HTTP connections that did not read their answer, or had no room
};

class Tls;  // a loaded certificate and key, shared by all I/O threads

// Loads and checks; the error names the file. Call again to reload (SIGHUP).
Result<std::shared_ptr<Tls>> load_tls(const TlsFiles& files);

// A bound, listening address, one descriptor for each I/O thread (SO_REUSEPORT). A port that
// another process holds is found first, by binding once without SO_REUSEPORT.
struct Listening {
  std::vector<int> descriptors;  // taken over by the I/O threads
  std::uint16_t port = 0;        // the real one, if 0 was asked for
};
// host: a numeric address, a name, or "" for all addresses (IPv6 with IPv4, or IPv4 where there is
// no IPv6). Errors: kUnavailable with a sentence that names host and port.
Result<Listening> listen_on(const std::string& host, std::uint16_t port, unsigned threads);

class IoThread {
 public:
  IoThread(unsigned index, const NetOptions& options, const Clock& clock);
  ~IoThread();  // stopped and joined before
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  // Before start(). Peers: all I/O threads in index order, for HeadVerdict::kMove; they share one
  // count of connections, by the options of the first. The handler is called on this thread.
  void set_peers(std::vector<IoThread*> peers);
  void set_handler(HttpHandler& handler);
  // Runs on this thread, once per turn that a wake() (or post) caused: drain your Mailbox here.
  void on_wake(std::function<void()> hook);

  // `tls` may be null. The thread owns the descriptor from now on; -1: no listener.
  void start(int listening_descriptor, std::shared_ptr<Tls> tls);
  // New TLS connections use it from now on. Any thread.
  void set_tls(std::shared_ptr<Tls> tls);

  // Any thread. Runs `task` on this thread, in the order of posting; dropped unrun once the thread
  // has ended. Not bounded by itself: each kind of caller bounds what it has in flight.
  void post(Job task);
  // Any thread. Makes the loop take a turn.
  void wake();

  // Any thread. No new connections from now on; the listener is closed.
  void stop_accepting();
  // Instead of start(), for tests that drive a thread by hand: one turn on the caller's thread,
  // without waiting.
  void turn();

  // Any thread. Begins to close every connection (handlers hear of it), and gives queued bytes half
  // a second to go out, whatever other threads do: ask all of them, then stop() each.
  void request_stop();
  // Any thread, blocks until the thread has ended. Asks first if nobody has.
  void stop();

  // This thread only.
  [[nodiscard]] TimerWheel& timers();
  // When this turn of the loop began: what its deadlines are counted from.
  [[nodiscard]] MonotonicTime now() const;
  [[nodiscard]] bool on_this_thread() const;

  [[nodiscard]] unsigned index() const { return index_; }
  // Any thread, after set_peers(): how many I/O threads there are, this one included.
  [[nodiscard]] std::size_t peer_count() const;
  // The cap on all peers together, as it was given or found.
  [[nodiscard]] std::size_t connections_max() const;
  [[nodiscard]] const NetCounters& counters() const;
  [[nodiscard]] const Clock& clock() const { return clock_; }

 private:
  friend class HttpExchange;
  friend class IoCore;
  struct Implementation;
  const unsigned index_;
  const Clock& clock_;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace maru::net
