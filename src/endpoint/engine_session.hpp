// One Engine.IO session on its transports: a polling client's pending GET and POST, its WebSocket,
// the upgrade from one to the other. The layer above derives from it: Socket.IO, or an application
// of raw Engine.IO messages. Made by EngineApplication::make_session, owned by its EngineServer,
// destroyed after on_session_closed and once no WebSocket reports to it any more. Owner thread
// only.
//
// The layer above is called from the network or a timer, never from within one of the calls that it
// makes itself: what those cause happens in the next turn of the loop.
#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "endpoint/farewell.hpp"
#include "endpoint/lobby.hpp"
#include "endpoint/sid.hpp"
#include "endpoint/socket.hpp"
#include "engineio/session.hpp"
#include "net/frame.hpp"
#include "net/timer_wheel.hpp"
#include "net/websocket.hpp"

namespace maru::endpoint {

class EngineServer;

class EngineSession : private net::Timer, private net::WebSocketHandler {
 public:
  virtual ~EngineSession();
  EngineSession(const EngineSession&) = delete;
  EngineSession& operator=(const EngineSession&) = delete;

  // Text packets begin with '4'. A WebSocket's outbox, or the buffer until the next GET; past its
  // bound kSlowConsumer, and the session closes. kClosing: it has closed, nothing was queued.
  net::SendResult send(const net::TextFrame& packet);
  net::SendResult send_text(std::string_view packet);
  net::SendResult send_binary(std::string_view bytes);
  // Whether something would leave in this turn: what volatile events ask.
  [[nodiscard]] bool can_write_at_once() const;
  // What waits for polls to come.
  [[nodiscard]] std::size_t held_bytes() const;

  // With farewell_of(reason). on_session_closed follows. Does nothing if it is closed already: the
  // first reason counts.
  void close(DisconnectReason reason) { close(reason, farewell_of(reason)); }

  // Counted. While paused the WebSocket is not read, a POST not answered, and no pong is missed.
  void pause_reading();
  void resume_reading();

  [[nodiscard]] bool is_open() const { return !closed_; }
  [[nodiscard]] bool is_websocket() const { return websocket_ != nullptr; }
  [[nodiscard]] HandshakeData* handshake_data() const { return data_.get(); }
  [[nodiscard]] const SessionSecret& secret() const { return secret_; }
  [[nodiscard]] bool is_on_probation() const { return on_probation_; }
  // Of one packet, and so of one WebSocket message.
  [[nodiscard]] std::size_t packet_bytes_max() const;
  // Of one POST body, if there is room for it.
  [[nodiscard]] std::size_t post_bytes_max() const;
  // Tells sessions of this process apart; does not leave it.
  [[nodiscard]] std::uint64_t tag() const {
    std::uint64_t tag;
    std::memcpy(&tag, secret_.data(), sizeof tag);
    return tag;
  }

 protected:
  explicit EngineSession(EngineServer& server);
  [[nodiscard]] EngineServer& server() const { return server_; }

  // Before it opens: its client has proved nothing yet, and what it sends at once is bounded by
  // early_bytes_max as well as max_payload. Until end_probation().
  void begin_probation() { on_probation_ = true; }
  void end_probation();
  // While it polls; a WebSocket has its place among the connections. Otherwise it is given back.
  void keep_place(Lobby::Place place);

  // on_settle runs in the next turn.
  void settle_soon();

 private:
  friend class EngineServer;
  struct Polling;

  virtual void on_session_opened() {}
  virtual void on_message(std::string_view text) = 0;
  virtual void on_binary_message(std::string_view bytes) = 0;
  // The last call.
  virtual void on_session_closed(DisconnectReason reason) = 0;
  virtual void on_settle() {}

  // From the server.
  void open_polling();
  void open_websocket(net::WebSocketConnection& connection);
  bool begin_upgrade();
  void take_probe(net::WebSocketConnection& connection);
  void on_get(std::uint64_t exchange);
  [[nodiscard]] bool begin_post(std::uint64_t exchange);
  void on_post_body(std::string body);  // its packets are within packet_bytes_max()
  void on_post_refused();
  void on_exchange_aborted(std::uint64_t exchange);
  // What had to wait for the end of a call of the layer above. True when it may be destroyed.
  [[nodiscard]] bool settle();

  void on_timer() final;
  void on_deadlines();
  void on_text(net::WebSocketConnection& connection, std::string_view text) final;
  void on_binary(net::WebSocketConnection& connection, std::string_view bytes) final;
  void on_closed(net::WebSocketConnection& connection, net::CloseReason reason) final;

  void close(DisconnectReason reason, Farewell farewell);
  void arm();
  void on_packet(const engineio::Packet& packet);
  void on_probe_packet(std::string_view text);
  void complete_upgrade();
  void drop_probe();
  net::SendResult queued(bool pushed);
  void flush_poll();
  void process_post();
  void finish_post();
  [[nodiscard]] std::deque<std::string> last_words(Farewell farewell);
  void close_polling(Farewell farewell);
  static void end(net::WebSocketConnection& connection, Farewell farewell);

  EngineServer& server_;
  net::WebSocketConnection* websocket_ = nullptr;  // the session's transport, unless polling
  std::unique_ptr<Polling> polling_;               // until an upgrade is over
  std::unique_ptr<HandshakeData> data_;
  SessionSecret secret_{};
  engineio::Session engine_;
  DisconnectReason reason_ = DisconnectReason::kTransportClose;
  std::uint8_t websockets_ = 0;  // that report to this session, closing ones included
  std::uint16_t pauses_ = 0;
  bool closed_ : 1 = false;
  bool told_ : 1 = false;    // on_session_closed was called
  bool queued_ : 1 = false;  // for the server's settling
  bool base64_ : 1 = false;  // no binary frames
  bool on_probation_ : 1 = false;
};

}  // namespace maru::endpoint
