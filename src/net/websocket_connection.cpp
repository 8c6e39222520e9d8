#include "net/websocket_connection.hpp"

#include <array>

#include "net/io_core.hpp"

namespace maru::net {
namespace {

WebSocketStream& stream_of(WebSocketConnection& connection) {
  return static_cast<WebSocketStream&>(connection);
}

SharedBytes close_frame(std::uint16_t status) {
  if (status == kCloseNoStatus) return make_frame(Opcode::kClose, {});
  const std::array<char, 2> payload = {static_cast<char>(status >> 8), static_cast<char>(status)};
  return make_frame(Opcode::kClose, std::string_view(payload.data(), payload.size()));
}

}  // namespace

// --- The face that users see -----------------------------------------------------------------

SendResult WebSocketConnection::send(const TextFrame& frame) {
  return stream_of(*this).push(frame.bytes());
}
SendResult WebSocketConnection::send_text(std::string_view payload) {
  return stream_of(*this).push(make_frame(Opcode::kText, payload));
}
SendResult WebSocketConnection::send_binary(std::string_view payload) {
  return stream_of(*this).push(make_frame(Opcode::kBinary, payload));
}
void WebSocketConnection::close() {
  stream_of(*this).begin_close();
}
void WebSocketConnection::abandon() {
  stream_of(*this).abandon();
}
void WebSocketConnection::set_message_bytes_max(std::size_t bytes_max) {
  stream_of(*this).bound_messages(bytes_max);
}
void WebSocketConnection::pause_reading() {
  stream_of(*this).pause();
}
void WebSocketConnection::resume_reading() {
  stream_of(*this).resume();
}
std::size_t WebSocketConnection::queued_bytes() const {
  return static_cast<const WebSocketStream&>(*this).outbox_bytes();
}

// --- Sending ---------------------------------------------------------------------------------

WebSocketStream::WebSocketStream(IoCore& core, Stream& stream, WebSocketHandler& handler,
                                 std::string_view unread)
    : Connection(core, stream),
      handler_(&handler),
      decoder_(core.options.websocket_message_bytes_max) {
  if (!unread.empty()) held_ = std::make_unique<std::string>(unread);
  add(core.counters.websockets_open);
  mark_dirty();
}

WebSocketStream::~WebSocketStream() {
  subtract(core_->counters.websockets_open);
}

SendResult WebSocketStream::push(SharedBytes frame) {
  if (state_ != State::kOpen) return SendResult::kClosing;
  if (queued_memory() + frame.size() + Outbox::kItemBytes > core_->options.outbox_bytes_max) {
    add(core_->counters.slow_consumers);
    leave(State::kBroken, CloseReason::kSlowConsumer);
    return SendResult::kSlowConsumer;
  }
  queue(std::move(frame));
  return SendResult::kQueued;
}

// The first reason counts.
void WebSocketStream::leave(State state, CloseReason reason) {
  if (state_ == State::kOpen) reason_ = reason;
  state_ = state;
  if (state == State::kClosing || state == State::kAbandoned) resume();
  mark_dirty();
}

void WebSocketStream::begin_close() {
  if (state_ != State::kOpen) return;
  leave(State::kClosing, CloseReason::kClosedByServer);
  queue(close_frame(kCloseNoStatus));
  start_write_deadline(kClosingMs);
}

void WebSocketStream::abandon() {
  if (state_ != State::kOpen) return;
  leave(State::kAbandoned, CloseReason::kClosedByServer);
  start_write_deadline(kClosingMs);
}

// --- Receiving -------------------------------------------------------------------------------

void WebSocketStream::pause() {
  if (paused_ || state_ != State::kOpen) return;
  paused_ = true;
  set_reading(false);
}

void WebSocketStream::resume() {
  if (!paused_) return;
  paused_ = false;
  set_reading(true);
  mark_dirty();  // what is held is decoded outside of the caller's call
}

void WebSocketStream::on_readable() {
  for (int round = 0; round < 4 && !is_dead() && state_ != State::kBroken && !paused_; ++round) {
    std::span<char> bytes;
    switch (read_some(kReceiveBufferBytes, bytes)) {
      case ReadStatus::kNothing:
        return;
      case ReadStatus::kFailed:
        on_failed();
        return;
      case ReadStatus::kEnd:
        leave(State::kBroken, CloseReason::kPeerClosed);
        return;
      case ReadStatus::kBytes:
        take(bytes);
        break;
    }
    if (!stream_.tls || !tls_has_pending(stream_.tls)) return;
  }
  mark_dirty();  // end_of_turn() reads on
}

void WebSocketStream::on_failed() {
  leave(State::kBroken, CloseReason::kError);
}

void WebSocketStream::take(std::span<char> bytes) {
  if (held_ && !held_->empty()) {
    held_->append(bytes.data(), bytes.size());
    mark_dirty();
    return;
  }
  while (state_ != State::kBroken && state_ != State::kLeaving) {
    if (paused_ && state_ == State::kOpen) {
      if (!bytes.empty()) held_ = std::make_unique<std::string>(bytes.data(), bytes.size());
      return;
    }
    const WebSocketDecoder::Event event = decoder_.next(bytes, core_->now_ms());
    if (event.kind == WebSocketDecoder::Kind::kNeedMore) return;
    on_event(event);
  }
}

void WebSocketStream::on_event(const WebSocketDecoder::Event& event) {
  using Kind = WebSocketDecoder::Kind;
  if (event.kind == Kind::kClose) {
    on_peer_close(event);
    return;
  }
  if (state_ != State::kOpen) return;  // said before it heard our close
  switch (event.kind) {
    case Kind::kText:
      handler_->on_text(*this, event.payload);
      break;
    case Kind::kBinary:
      handler_->on_binary(*this, event.payload);
      break;
    case Kind::kPing:
      push(make_frame(Opcode::kPong, event.payload));
      break;
    case Kind::kError:
      leave(State::kClosing, CloseReason::kProtocolError);
      queue(close_frame(event.status));
      start_write_deadline(kClosingMs);
      break;
    default:
      break;
  }
}

// RFC 6455, section 5.5.1: answered in kind; then the server ends the stream first.
void WebSocketStream::on_peer_close(const WebSocketDecoder::Event& event) {
  if (state_ == State::kOpen) {
    queue(close_frame(event.status));
    start_write_deadline(kClosingMs);
  }
  leave(State::kLeaving, CloseReason::kPeerClosed);
}

// --- The end of a turn, and of the stream ----------------------------------------------------

void WebSocketStream::end_of_turn() {
  if (is_dead()) {
    tell_handler();
    return;
  }
  if (!paused_ && held_) {
    // One buffer's worth at most, for nothing was read since.
    const std::unique_ptr<std::string> unread = std::move(held_);
    take(std::span<char>(*unread));
  }
  if (stream_.tls && !paused_ && tls_has_pending(stream_.tls)) on_readable();
  const FlushStatus flushed = state_ == State::kBroken ? FlushStatus::kFailed : flush();
  if (flushed == FlushStatus::kFailed) {
    leave(State::kBroken, CloseReason::kError);
    die();
  } else if (flushed == FlushStatus::kDrained &&
             (state_ == State::kLeaving || (state_ == State::kClosing && core_->stopping))) {
    shut_down_sending();
    die();
  } else if (flushed == FlushStatus::kDrained && ends_first() && !sending_shut_) {
    sending_shut_ = true;
    shut_down_sending();
  }
  if (state_ != State::kOpen) tell_handler();
}

// A peer that broke the protocol gets the end of the stream at once, as one that is abandoned does;
// one that is asked to go may answer first.
bool WebSocketStream::ends_first() const {
  return state_ == State::kAbandoned ||
         (state_ == State::kClosing && reason_ == CloseReason::kProtocolError);
}

void WebSocketStream::tell_handler() {
  if (!handler_) return;
  WebSocketHandler* handler = handler_;
  handler_ = nullptr;
  handler->on_closed(*this, reason_);
}

void WebSocketStream::on_stop() {
  abandon();
  mark_dirty();  // one that was closing already waits for its peer no longer
}

void WebSocketStream::on_write_deadline() {
  leave(State::kBroken, CloseReason::kError);
}

}  // namespace maru::net
