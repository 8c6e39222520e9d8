#include "net/http_connection.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <cassert>

#include "base/limits.hpp"
#include "net/http_response.hpp"
#include "net/io_core.hpp"
#include "net/websocket_connection.hpp"
#include "net/websocket_handshake.hpp"

namespace maru::net {
namespace {

// What a client may send ahead of its answer; then reading stops.
constexpr std::size_t kUnreadBytesMax = 16 * 1024;
// With so many bytes of answers still unwritten, the next request waits too: a client that sends
// but does not read must not fill the memory.
constexpr std::size_t kUnwrittenBytesMax = 64 * 1024;
// The rest of a body that was answered early is read and thrown away up to this size.
constexpr std::size_t kDiscardBytesMax = 64 * 1024;
// After the last answer, so that it is not lost to a reset (RFC 9112, section 9.6).
constexpr std::int64_t kLingerMs = 2000;
constexpr std::size_t kLingerBytesMax = 16 * 1024 * 1024;
constexpr std::uint8_t kMovesMax = 4;

// Assigning an empty string would keep the storage.
void release(std::string& text) {
  std::string().swap(text);
}

}  // namespace

HttpConnection::HttpConnection(IoCore& core, Stream stream, const Address& peer)
    : Connection(core, stream), deadline_(*this), peer_(peer) {
  core.timers.start(deadline_, core.options.head_timeout_ms);
}

HttpConnection::~HttpConnection() = default;

// --- Reading ---------------------------------------------------------------------------------

void HttpConnection::on_readable() {
  // A TLS session may hold more than the descriptor tells of, so it is read until it has nothing.
  for (int round = 0; round < 4 && !is_dead() && !reading_paused_; ++round) {
    const std::size_t room = is_held_back()
                                 ? kUnreadBytesMax - std::min(kUnreadBytesMax, unread_.size())
                                 : kReceiveBufferBytes;
    if (room == 0) {
      reading_paused_ = true;
      set_reading(false, true);
      return;
    }
    std::span<char> bytes;
    switch (read_some(room, bytes)) {
      case ReadStatus::kNothing:
        return;
      case ReadStatus::kFailed:
        on_failed();
        return;
      case ReadStatus::kEnd:
        on_end_of_stream();
        return;
      case ReadStatus::kBytes:
        if (!process(std::string_view(bytes.data(), bytes.size()))) return;
        break;
    }
    if (!stream_.tls || !tls_has_pending(stream_.tls)) return;
  }
  mark_dirty();  // end_of_turn() reads on
}

// What arrives now waits for an answer, or for answers to be written.
bool HttpConnection::is_held_back() const {
  return state_ == State::kWaiting || (state_ == State::kHead && queued() > kUnwrittenBytesMax);
}

void HttpConnection::resume_reading() {
  if (!reading_paused_ || peer_ended_) return;
  reading_paused_ = false;
  set_reading(true);
}

void HttpConnection::on_failed() {
  abort_exchange();
  die();
}

void HttpConnection::on_end_of_stream() {
  peer_ended_ = true;
  if (exchange_ != 0 || !has_pending_writes()) {
    on_failed();
    return;
  }
  // Its answers are still going out to a client that has only ended its own side.
  set_reading(false);
  reading_paused_ = true;
  begin_linger();
}

void HttpConnection::abort_exchange() {
  if (exchange_ == 0) return;
  const HttpExchange exchange(&core_->thread, exchange_);
  core_->close_exchange(exchange_);
  exchange_ = 0;
  core_->handler->on_aborted(exchange);
}

void HttpConnection::consume(std::size_t size) {
  input_.remove_prefix(size);
}

// False when the connection is gone, so that nothing of it may be touched any more.
bool HttpConnection::process(std::string_view fresh) {
  if (state_ == State::kLinger) {
    window_bytes_ += fresh.size();
    if (window_bytes_ > kLingerBytesMax) die();
    return !is_dead();
  }
  const bool kept_before = !unread_.empty();
  if (kept_before) {
    unread_.append(fresh);
    input_ = unread_;
  } else {
    input_ = fresh;
  }
  processing_ = true;
  while (!is_dead() && step()) {
  }
  processing_ = false;
  if (is_dead() || state_ == State::kLinger || input_.empty()) {
    release(unread_);
  } else if (kept_before) {
    unread_.erase(0, unread_.size() - input_.size());
  } else {
    unread_.assign(input_);
  }
  input_ = {};
  spent_parser_.reset();
  if (is_dead()) return false;
  if (state_ != State::kLeaving) return true;
  core_->move_to(*this, move_to_);
  return false;
}

// One step forward; false when more bytes or the handler are needed.
bool HttpConnection::step() {
  switch (state_) {
    case State::kHead:
      return step_head();
    case State::kArrived:
      return begin_exchange();
    case State::kBody:
    case State::kDiscard:
      return step_body();
    case State::kDecided:
    case State::kWaiting:
    case State::kLeaving:
    case State::kLinger:
      break;
  }
  return false;
}

bool HttpConnection::step_head() {
  if (input_.empty() || is_held_back()) return false;
  if (!parser_) {
    parser_ = std::make_unique<HttpParser>();
    // The first request's deadline runs since the connection was accepted.
    if (served_) core_->timers.start(deadline_, core_->options.head_timeout_ms);
  }
  std::size_t consumed = 0;
  switch (parser_->feed_head(input_, consumed)) {
    case HttpParser::Progress::kNeedMore:
      return false;
    case HttpParser::Progress::kComplete:
      consume(consumed);
      deadline_.stop();
      core_->proxies.describe(peer_, stream_.tls != nullptr, parser_->head());
      return begin_exchange();
    default:
      refuse(parser_->fault().status, parser_->fault().detail);
      return false;
  }
}

// The head is whole (again, after a journey between threads).
bool HttpConnection::begin_exchange() {
  state_ = State::kDecided;
  close_after_ = core_->stopping;
  exchange_ = core_->open_exchange(*this);
  const HttpExchange exchange(&core_->thread, exchange_);
  const HeadVerdict verdict = core_->handler->on_head(exchange, parser_->head());
  if (is_dead() || state_ != State::kDecided) return !is_dead();
  return obey(verdict);
}

bool HttpConnection::obey(const HeadVerdict& verdict) {
  switch (verdict.kind) {
    case HeadVerdict::Kind::kAnswered:
      state_ = State::kWaiting;  // by a handler that will answer a little later
      close_after_ = close_after_ || parser_->has_body();
      return false;
    case HeadVerdict::Kind::kMove:
      if (verdict.thread >= core_->peers.size() || ++moves_ > kMovesMax) {
        assert(verdict.thread < core_->peers.size());
        refuse(500, "the request found no thread");
        return false;
      }
      core_->close_exchange(exchange_);
      exchange_ = 0;
      state_ = State::kLeaving;
      move_to_ = verdict.thread;
      return false;
    case HeadVerdict::Kind::kReadBody:
      break;
  }
  moves_ = 0;
  const HttpExchange exchange(&core_->thread, exchange_);
  if (parser_->head().wants_websocket) {
    // What follows is the other protocol's, whatever Content-Length says.
    state_ = State::kWaiting;
    close_after_ = true;
    offer_ = std::make_unique<WebSocketOffer>(
        read_websocket_offer(parser_->head(), parser_->http_1_1()));
    core_->handler->on_upgrade(exchange, std::move(parser_->head()));
    return true;
  }
  body_bytes_max_ = verdict.body_bytes_max;
  if (!parser_->has_body()) return deliver();
  if (parser_->content_length().value_or(0) > body_bytes_max_) return deliver_too_large();
  state_ = State::kBody;
  start_body_window();
  if (parser_->expects_continue() && input_.empty()) {
    queue(SharedBytes::copy("HTTP/1.1 100 Continue\r\n\r\n"));
  }
  return true;
}

bool HttpConnection::step_body() {
  const bool discarding = state_ == State::kDiscard;
  std::size_t consumed = 0;
  const auto progress =
      parser_->feed_body(input_, discarding ? kDiscardBytesMax : body_bytes_max_, consumed);
  consume(consumed);
  window_bytes_ += consumed;
  switch (progress) {
    case HttpParser::Progress::kNeedMore:
      if (discarding) parser_->body().clear();
      return false;
    case HttpParser::Progress::kComplete:
      deadline_.stop();
      if (!discarding) return deliver();
      finish_exchange(false);
      return true;
    case HttpParser::Progress::kTooLarge:
      if (!discarding) return deliver_too_large();
      begin_linger();
      return false;
    case HttpParser::Progress::kFaulty:
      break;
  }
  if (discarding) {
    begin_linger();
  } else {
    const HeadFault fault = parser_->fault();
    abort_exchange();
    if (!is_dead()) refuse(fault.status, fault.detail);
  }
  return false;
}

bool HttpConnection::deliver() {
  state_ = State::kWaiting;
  const HttpExchange exchange(&core_->thread, exchange_);
  core_->handler->on_request(exchange, std::move(parser_->head()), std::move(parser_->body()));
  return true;
}

bool HttpConnection::deliver_too_large() {
  deadline_.stop();
  state_ = State::kWaiting;
  close_after_ = true;
  release(parser_->body());
  const HttpExchange exchange(&core_->thread, exchange_);
  core_->handler->on_body_too_large(exchange, parser_->head());
  return true;
}

// --- Answering -------------------------------------------------------------------------------

void HttpConnection::send_response(const HttpResponse& response, bool close) {
  ResponseContext context;
  context.head_only = parser_ && parser_->head_only();
  context.http_1_1 = !parser_ || parser_->http_1_1();
  context.close = close;
  queue(serialize_response(response, context));
}

void HttpConnection::respond(const HttpResponse& response) {
  if (is_dead() || exchange_ == 0) return;
  core_->close_exchange(exchange_);
  exchange_ = 0;
  const bool early = state_ == State::kDecided || state_ == State::kBody;
  const bool body_left = early && parser_->has_body();
  bool close = response.close || close_after_ || core_->stopping || !parser_->keep_alive() ||
               (early && parser_->head().wants_websocket);
  // A client that waits for "100 Continue" may or may not send its body now.
  if (body_left &&
      (parser_->expects_continue() || parser_->content_length().value_or(0) > kDiscardBytesMax)) {
    close = true;
  }
  send_response(response, close);
  if (!close && body_left) {
    state_ = State::kDiscard;
    start_body_window();
  } else {
    finish_exchange(close);
  }
}

// The connection goes on with the next request, or lingers.
void HttpConnection::finish_exchange(bool close) {
  if (close) {
    begin_linger();
    return;
  }
  retire_parser();
  state_ = State::kHead;
  served_ = true;
  moves_ = 0;
  core_->timers.start(deadline_, core_->options.keep_alive_timeout_ms);
  if (!is_held_back()) resume_reading();
  // The next request may be here already; it is read outside of the handler's call.
  if (!processing_) mark_dirty();
}

// Within process() a handler may still be looking at the head.
void HttpConnection::retire_parser() {
  if (processing_) spent_parser_ = std::move(parser_);
  parser_.reset();
  offer_.reset();
}

void HttpConnection::refuse(int status, const char* detail) {
  if (exchange_ != 0) {
    core_->close_exchange(exchange_);
    exchange_ = 0;
  }
  send_response(make_problem(status, detail), true);
  begin_linger();
}

void HttpConnection::begin_linger() {
  if (state_ == State::kLinger) return;
  state_ = State::kLinger;
  window_bytes_ = 0;
  retire_parser();
  if (!processing_) release(unread_);
  resume_reading();
  deadline_.stop();
  mark_dirty();
}

void HttpConnection::destroy() {
  if (exchange_ != 0) {
    core_->close_exchange(exchange_);
    exchange_ = 0;
  }
  die();
}

WebSocketConnection* HttpConnection::accept_websocket(
    WebSocketHandler& handler, const std::vector<std::pair<std::string, std::string>>& fields) {
  if (is_dead() || exchange_ == 0 || !offer_) return nullptr;
  if (!offer_->valid) {
    respond(refuse_websocket_offer(*offer_));
    return nullptr;
  }
  core_->close_exchange(exchange_);
  exchange_ = 0;
  deadline_.stop();
  queue(serialize_switching(offer_->accept_value, offer_->protocol, fields));
  set_reading(true);
  const std::string_view rest = processing_ ? input_ : std::string_view(unread_);
  auto upgraded =
      std::make_unique<WebSocketStream>(*core_, std::exchange(stream_, Stream{}), handler, rest);
  WebSocketStream& result = *upgraded;
  core_->replace(*this, std::move(upgraded));
  return &result;
}

// --- Time, turns, threads --------------------------------------------------------------------

// A body has as long as a head to show that it is fast enough, again and again.
void HttpConnection::start_body_window() {
  window_bytes_ = 0;
  core_->timers.start(deadline_, core_->options.head_timeout_ms);
}

void HttpConnection::on_deadline() {
  switch (state_) {
    case State::kHead:
      if (parser_) {
        refuse(408, "the request head took too long");
      } else {
        die();
      }
      return;
    case State::kBody:
    case State::kDiscard: {
      const std::size_t due = core_->options.body_bytes_per_second_min *
                              static_cast<std::size_t>(core_->options.head_timeout_ms) / 1000;
      if (window_bytes_ >= due) {
        start_body_window();
      } else if (state_ == State::kBody) {
        abort_exchange();
        if (!is_dead()) refuse(408, "the request body came too slowly");
      } else {
        die();
      }
      return;
    }
    default:
      die();
  }
}

void HttpConnection::on_write_deadline() {
  on_failed();
}

void HttpConnection::end_of_turn() {
  if (is_dead()) return;
  if (flush() == FlushStatus::kFailed) {
    on_failed();
    return;
  }
  if (state_ == State::kLinger) {
    if (has_pending_writes() || sending_shut_) return;
    if (peer_ended_ || core_->stopping) {
      die();
      return;
    }
    sending_shut_ = true;
    shut_down_sending();
    core_->timers.start(deadline_, kLingerMs);
    return;
  }
  if (state_ == State::kHead && !is_held_back()) {
    resume_reading();
    if (!unread_.empty() && !process({})) return;
  }
  if (stream_.tls && !reading_paused_ && tls_has_pending(stream_.tls)) on_readable();
}

void HttpConnection::on_stop() {
  if (is_dead()) return;
  abort_exchange();
  if (!is_dead()) begin_linger();
}

void HttpConnection::leave_thread() {
  deadline_.stop();
  leave_core();
}

void HttpConnection::join_thread(std::unique_ptr<Connection> connection, IoThread& thread) {
  auto& self = static_cast<HttpConnection&>(*connection);
  IoCore& core = IoCore::of(thread);
  self.core_ = &core;
  if (!self.watch(EPOLLIN) || core.stopping) return;
  core.add(std::move(connection));
  self.state_ = State::kArrived;
  self.mark_dirty();
  self.process({});
}

}  // namespace maru::net
