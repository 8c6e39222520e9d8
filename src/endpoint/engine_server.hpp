// Engine.IO over HTTP and WebSocket on one I/O thread: the sid table, hand-over of connections to
// the thread that owns their session, the error table, CORS preflight (protocol.md 1.1–1.7). What
// the sessions carry is their layer above's business: Endpoint puts Socket.IO there; an application
// of raw Engine.IO messages can use it alone. Owner thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "endpoint/counters.hpp"
#include "endpoint/endpoint.hpp"
#include "endpoint/engine_session.hpp"
#include "endpoint/handshake_query.hpp"
#include "endpoint/http_answers.hpp"
#include "endpoint/sid_table.hpp"
#include "endpoint/tombstones.hpp"
#include "net/http.hpp"
#include "net/io_thread.hpp"

namespace maru::endpoint {

class EngineApplication {
 public:
  virtual ~EngineApplication() = default;

  // As Application::on_request.
  virtual RequestVerdict on_request(const net::RequestHead& head, HandshakeData* session_data) = 0;
  // For a handshake with that head. Null: there is no room for it now (503).
  virtual std::unique_ptr<EngineSession> make_session(EngineServer& server,
                                                      const net::RequestHead& head) = 0;
};

class EngineServer final : public net::HttpHandler {
 public:
  EngineServer(net::IoThread& thread, const EndpointOptions& options,
               EngineApplication& application, Endpoint::Random random);
  // Sessions that are left are destroyed without a word: close_all() first.
  ~EngineServer() override;
  EngineServer(const EngineServer&) = delete;
  EngineServer& operator=(const EngineServer&) = delete;

  net::HeadVerdict on_head(net::HttpExchange exchange, const net::RequestHead& head) override;
  void on_request(net::HttpExchange exchange, net::RequestHead&& head, std::string&& body) override;
  void on_body_too_large(net::HttpExchange exchange, const net::RequestHead& head) override;
  void on_upgrade(net::HttpExchange exchange, net::RequestHead&& head) override;
  void on_aborted(net::HttpExchange exchange) override;
  void on_memory_short() override;

  // Closes every session; their on_session_closed is called before it returns. Not from within a
  // call of the layer above. New sessions are refused from now on.
  void close_all();

  [[nodiscard]] std::size_t session_count() const { return table_.size(); }
  [[nodiscard]] EndpointCounters& counters() { return counters_; }
  [[nodiscard]] const EndpointOptions& options() const { return options_; }
  [[nodiscard]] net::TimerWheel& timers() const { return thread_.timers(); }
  void fill_random(std::uint8_t* out, std::size_t size) const { random_(out, size); }

 private:
  friend class EngineSession;

  // A request that has not been answered. Held for every pending GET, so it is small.
  struct Exchange {
    net::HttpExchange handle;
    Fields fields;
    EngineSession* session = nullptr;                 // null: it closed meanwhile
    std::unique_ptr<SharedBudget::Lease> body_lease;  // of a long body; null: it is short
  };
  // Hears nothing of a WebSocket that is not wanted.
  class Unwanted final : public net::WebSocketHandler {
    void on_text(net::WebSocketConnection&, std::string_view) override {}
    void on_binary(net::WebSocketConnection&, std::string_view) override {}
    void on_closed(net::WebSocketConnection&, net::CloseReason) override {}
  };
  struct Request;

  // For its sessions.
  [[nodiscard]] MonotonicTime now() const { return thread_.now(); }
  [[nodiscard]] const engineio::Timing& timing() const { return timing_; }
  [[nodiscard]] std::int64_t early_ms();
  [[nodiscard]] const net::TextFrame& ping_frame() const { return ping_frame_; }
  [[nodiscard]] std::string& scratch() { return scratch_; }
  template <class Make>
  void answer(std::uint64_t exchange, Make make);
  void answer_payload(std::uint64_t exchange, std::string payload);
  void answer_ok(std::uint64_t exchange);
  void answer_empty(std::uint64_t exchange, int status);
  void destroy(std::uint64_t exchange);
  void detach(std::uint64_t exchange);
  // What its end needs memory for; then that takes none. Without it nothing has changed.
  void prepare_to_forget(EngineSession& session);
  void forget(EngineSession& session, DisconnectReason reason);
  // One for each of the GETs to come; there may be none.
  void keep_last_words(const EngineSession& session, std::deque<std::string> payloads);
  [[nodiscard]] std::optional<std::string> take_last_words(const SessionSecret& secret);
  void settle_soon(EngineSession& session);
  void settle(EngineSession& session);
  void on_upgraded() { add(counters_.sessions_upgraded); }
  void on_message_received() { add(counters_.messages_received); }

  [[nodiscard]] bool owns_path(const net::RequestHead& head) const;
  // The session that the request names is another thread's.
  [[nodiscard]] bool belongs_elsewhere(Request& request, net::HeadVerdict& verdict);
  net::HeadVerdict decide(net::HttpExchange exchange, const net::RequestHead& head,
                          Request& request);
  net::HeadVerdict on_session_request(net::HttpExchange exchange, const net::RequestHead& head,
                                      Request& request);
  net::HeadVerdict on_post(net::HttpExchange exchange, const net::RequestHead& head,
                           Request& request);
  // Null: it may be that long without one. Empty: there is no room for it.
  [[nodiscard]] std::unique_ptr<SharedBudget::Lease> lease_for_body(
      const net::RequestHead& head, const EngineSession& session) const;
  net::HeadVerdict refuse(net::HttpExchange exchange, EngineError error, Request& request,
                          std::string_view message = {});
  void refuse_upgrade(net::HttpExchange exchange, EngineError error, Request& request,
                      std::string_view message = {});
  void turn_away(net::HttpExchange exchange, const Request& request);
  void open_polling(net::HttpExchange exchange, const net::RequestHead& head, Request& request);
  void open_websocket(net::HttpExchange exchange, const net::RequestHead& head, Request& request);
  void upgrade(net::HttpExchange exchange, Request& request);
  // Null: answered 503.
  std::unique_ptr<EngineSession> make_session(net::HttpExchange exchange,
                                              const net::RequestHead& head, Request& request);
  void adopt(std::unique_ptr<EngineSession> session);
  std::string open_packet(const EngineSession& session, bool can_upgrade) const;
  Exchange& add_exchange(net::HttpExchange handle, Fields fields, EngineSession& session);
  // Its exchange is no longer pending from now on.
  bool take_exchange(std::uint64_t id, Exchange& out);
  void run_settling();

  net::IoThread& thread_;
  const EndpointOptions options_;
  const engineio::Timing timing_;
  EngineApplication& application_;
  const Endpoint::Random random_;
  EndpointCounters counters_;
  SidTable<EngineSession> table_;               // the open sessions
  std::unordered_set<EngineSession*> closing_;  // closed, not yet destroyed
  std::vector<EngineSession*> settling_;        // have something to do when this turn is over
  std::unordered_map<std::uint64_t, Exchange> exchanges_;
  Tombstones tombstones_;
  Tombstones probation_tombstones_;  // apart, so that strangers cannot push out the others
  Unwanted unwanted_;
  net::TextFrame ping_frame_;
  std::string scratch_;  // the last base64 message
  std::minstd_rand jitter_;
  std::int64_t jitter_ms_;
  bool settling_posted_ = false;
  bool closing_all_ = false;
};

}  // namespace maru::endpoint
