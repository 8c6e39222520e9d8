// A server WebSocket (RFC 6455) as its users see it. Owner I/O thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/shared_bytes.hpp"
#include "net/frame.hpp"

namespace maru::net {

enum class SendResult : std::uint8_t {
  kQueued,
  kClosing,       // the connection is closing; nothing was queued
  kSlowConsumer,  // outbox_bytes_max would be passed; the connection is now closing
};

// What on_closed tells.
enum class CloseReason : std::uint8_t {
  kPeerClosed,      // a close frame, or the end of the stream
  kError,           // reset, write stall, time-out of the TLS layer
  kProtocolError,   // answered 1002, 1007, 1008 or 1009
  kSlowConsumer,    // its outbox passed the bound
  kClosedByServer,  // close() or abandon() was called here
};

class WebSocketConnection {
 public:
  WebSocketConnection(const WebSocketConnection&) = delete;
  WebSocketConnection& operator=(const WebSocketConnection&) = delete;

  // Queue for the one gathered write at the end of the loop turn. Never block, keep order.
  SendResult send(const TextFrame& frame);
  SendResult send_text(std::string_view payload);
  SendResult send_binary(std::string_view payload);

  // Sends what is queued, then a close frame without a status code (protocol.md 1.4), then ends the
  // stream; bounded by a deadline. on_closed follows later, never from within.
  void close();

  // As close(), but without a close frame: to the peer it is a lost connection.
  void abandon();

  // Holds for messages from the next frame on; NetOptions::websocket_message_bytes_max until then.
  void set_message_bytes_max(std::size_t bytes_max);

  // Back-pressure: while paused nothing is read, so the peer's TCP window fills.
  void pause_reading();
  void resume_reading();

  [[nodiscard]] std::size_t queued_bytes() const;

 protected:
  WebSocketConnection() = default;
  ~WebSocketConnection() = default;
};

class WebSocketHandler {
 public:
  // `text` is valid UTF-8 and, like `bytes`, a view that ends with the call.
  virtual void on_text(WebSocketConnection& connection, std::string_view text) = 0;
  virtual void on_binary(WebSocketConnection& connection, std::string_view bytes) = 0;
  // Exactly once, the last call; the connection is gone after it.
  virtual void on_closed(WebSocketConnection& connection, CloseReason reason) = 0;

 protected:
  ~WebSocketHandler() = default;
};

}  // namespace maru::net
