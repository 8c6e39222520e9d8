// Joins HTTP and WebSocket to Engine.IO and Socket.IO: the sid table, hand-over of connections to
// the thread that owns their session, pending polls, upgrades, CORS preflight, HTTP error bodies
// (protocol.md 1.1–1.7). One per I/O thread; owner thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/budget.hpp"
#include "base/clock.hpp"
#include "endpoint/socket.hpp"
#include "net/http.hpp"
#include "net/io_thread.hpp"

namespace maru::endpoint {

struct EndpointOptions {
  std::string path = "/socket.io/";
  std::int64_t ping_interval_ms = 25'000;
  std::int64_t ping_timeout_ms = 20'000;
  std::int64_t upgrade_timeout_ms = 10'000;
  // No namespace joined by then: let go. A client's auth may have to refresh its token first.
  std::int64_t connect_timeout_ms = 30'000;
  std::int64_t heartbeat_jitter_ms = 2'500;  // pings come early by up to this, never late
  std::size_t max_payload = 64 * 1024;       // what is announced: of one packet, bytes
  // Of one polling body. More than max_payload, for clients that do not read it flush their queue
  // in one POST: python-socketio, JavaScript before 4.5.
  std::size_t post_bytes_max = 1'000'000;
  // For bodies of more than max_payload, by address; past it 503. Outlives the endpoint. Null: no
  // bound.
  SharedBudget* post_budget = nullptr;
  std::size_t polling_buffer_bytes_max = 1024 * 1024;  // as NetOptions::outbox_bytes_max
  // Until a session has joined a namespace: what it may say, all together and at once.
  std::size_t early_bytes_max = 8 * 1024;
  // Polling sessions of this thread that have joined none yet or are anonymous, in all and of one
  // address (loopback and trusted proxies exempt); past it 503. 0: no bound.
  std::size_t unjoined_sessions_max = 20'000;
  std::size_t unjoined_per_address_max = 1'000;
  std::int64_t assembly_timeout_ms = 10'000;  // for the attachments of a binary packet to come
  bool keep_attachments = true;  // false: they are counted, Event::attachments is empty
};

struct EndpointCounters;  // in counters.hpp
class SocketHost;

class Endpoint final : public net::HttpHandler {
 public:
  // Fills `out` with random bytes (libsodium in app/, a seed in tests).
  using Random = std::function<void(std::uint8_t* out, std::size_t size)>;

  Endpoint(net::IoThread& thread, const EndpointOptions& options, Application& application,
           Random random);
  ~Endpoint() override;

  // HTTP requests whose path begins with options.path belong here; others get 404 from it.
  net::HeadVerdict on_head(net::HttpExchange exchange, const net::RequestHead& head) override;
  void on_request(net::HttpExchange exchange, net::RequestHead&& head, std::string&& body) override;
  void on_body_too_large(net::HttpExchange exchange, const net::RequestHead& head) override;
  void on_upgrade(net::HttpExchange exchange, net::RequestHead&& head) override;
  // Exchanges that it does not know are ignored.
  void on_aborted(net::HttpExchange exchange) override;
  void on_memory_short() override;

  // Ends every session (reason: server shutting down) so that its client comes back: what is queued
  // goes out, then connections end without a word (Farewell::kComeBack). on_disconnect is called
  // before it returns, so not from within a call of the application. New sessions are refused (503)
  // from now on.
  void close_all();

  [[nodiscard]] std::size_t session_count() const;
  [[nodiscard]] const EndpointCounters& counters() const;  // any thread may read them

 private:
  friend class PendingConnect;
  [[nodiscard]] SocketHost& host() const;

  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace maru::endpoint
