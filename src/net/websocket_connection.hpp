// The WebSocket behind WebSocketConnection: the decoder, the handler, and the way out of the
// stream. Kept small, for there may be a million of them. Owner thread only.
//
// The handler hears on_closed at the end of the turn in which the end became known; the stream may
// live a little longer, to get a close frame out and to hear the peer's, at most kClosingMs. One
// that is abandoned waits for the peer's end as long, for a reset could take from it what it has
// not read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/connection.hpp"
#include "net/websocket.hpp"
#include "net/websocket_decoder.hpp"

namespace maru::net {

class WebSocketStream final : public Connection, public WebSocketConnection {
 public:
  // `unread`: what the client sent behind its handshake; fed to the decoder at the end of the turn.
  WebSocketStream(IoCore& core, Stream& stream, WebSocketHandler& handler, std::string_view unread);
  ~WebSocketStream() override;

  static constexpr std::int64_t kClosingMs = 2000;

  SendResult push(SharedBytes frame);
  void begin_close();
  void abandon();
  void bound_messages(std::size_t bytes_max) { decoder_.set_message_bytes_max(bytes_max); }
  void pause();
  void resume();
  [[nodiscard]] std::size_t outbox_bytes() const { return queued(); }
  [[nodiscard]] bool is_open() const { return state_ == State::kOpen; }

  void end_of_turn() override;
  void on_stop() override;
  void on_write_deadline() override;

 private:
  enum class State : std::uint8_t {
    kOpen,
    kClosing,    // our close frame is queued or sent; waiting for the peer's
    kAbandoned,  // our side ends once the outbox has drained; then waiting for the peer's end
    kLeaving,    // both close frames are known: ends once the outbox has drained
    kBroken,     // ends at once
  };

  void on_readable() override;
  void on_failed() override;

  void take(std::span<char> bytes);
  void on_event(const WebSocketDecoder::Event& event);
  void on_peer_close(const WebSocketDecoder::Event& event);
  void leave(State state, CloseReason reason);
  void tell_handler();
  [[nodiscard]] bool ends_first() const;

  WebSocketHandler* handler_;          // null once it has heard on_closed
  std::unique_ptr<std::string> held_;  // read but not decoded: pause_reading() came in between
  WebSocketDecoder decoder_;
  State state_ = State::kOpen;
  CloseReason reason_ = CloseReason::kPeerClosed;
  bool paused_ = false;
  bool sending_shut_ = false;
};

}  // namespace maru::net
