#include "net/http_connection.hpp"

#include <string.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cassert>

#include "base/limits.hpp"
#include "base/secret.hpp"
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
constexpr std::size_t kUnwrittenBytesMax = 16 * 1024;
// Of a client that is told no more.
constexpr std::size_t kLingerBytesMax = 16 * 1024 * 1024;
constexpr std::uint8_t kMovesMax = 4;

// Assigning an empty string would keep the storage. What a client has sent may be a password.
void release(std::string& text) {
  if (!text.empty()) wipe(text);
  std::string().swap(text);
}

}  // namespace

HttpConnection::HttpConnection(IoCore& core, Stream& stream, const Address& peer)
    : Connection(core, stream), deadline_(*this), peer_(peer) {
  core.timers.start(deadline_, core.options.head_timeout_ms);
}

HttpConnection::~HttpConnection() {
  release(unread_);
}

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
        if (!process(bytes)) return;
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
  reading_paused_ = true;
  set_reading(false);
  switch (state_) {
    case State::kDecided:
    case State::kBody:
      on_failed();
      return;
    case State::kWaiting:
      if (abort_at_half_close_) on_failed();
      return;
    case State::kDiscard:
      begin_linger();
      return;
    default:
      mark_dirty();  // what came before the end is answered first
  }
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
bool HttpConnection::process(std::span<char> fresh) {
  if (state_ == State::kLinger) {
    window_bytes_ += fresh.size();
    if (carries_secret_ && !fresh.empty()) explicit_bzero(fresh.data(), fresh.size());
    if (window_bytes_ > kLingerBytesMax) die();
    return !is_dead();
  }
  const bool kept_before = !unread_.empty();
  held_secret_ = carries_secret_;
  if (kept_before) {
    take_in(fresh);
    input_ = unread_;
  } else {
    input_ = {fresh.data(), fresh.size()};
  }
  processing_ = true;
  while (!is_dead() && step()) {
  }
  processing_ = false;
  keep_rest(fresh, kept_before);
  input_ = {};
  spent_parser_.reset();
  if (is_dead()) return false;
  if (state_ != State::kLeaving) return true;
  core_->move_to(*this, move_to_);
  return false;
}

// Behind what waits already. Growing must not leave a copy behind.
void HttpConnection::take_in(std::span<char> fresh) {
  if (fresh.empty()) return;
  if (unread_.size() + fresh.size() > unread_.capacity()) {
    std::string grown;
    grown.reserve(2 * (unread_.size() + fresh.size()));
    grown = unread_;
    release(unread_);
    unread_ = std::move(grown);
  }
  unread_.append(fresh.data(), fresh.size());
}

// What was not used waits in unread_, and nowhere else: who knows yet what it holds.
void HttpConnection::keep_rest(std::span<char> fresh, bool kept_before) {
  if (is_dead() || state_ == State::kLinger || input_.empty()) {
    release(unread_);
  } else if (kept_before) {
    unread_.erase(0, unread_.size() - input_.size());
  } else {
    unread_.assign(input_);
  }
  if (fresh.empty()) return;
  if (held_secret_ || kept_before || !unread_.empty()) explicit_bzero(fresh.data(), fresh.size());
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
      if (core_->proxies.describe(peer_, stream_.tls != nullptr, parser_->head()) ==
          Forwarding::kIgnored) {
        core_->door->warn_of_untrusted_proxy(peer_);
      }
      behind_proxy_ = core_->proxies.is_exempt(peer_);
      if (behind_proxy_) holder_ = holder_of(parser_->head());
      return begin_exchange();
    default:
      note_request();
      refuse(parser_->fault().status, parser_->fault().detail);
      return false;
  }
}

// What the answer will depend on, when the request itself is gone.
void HttpConnection::note_request() {
  head_only_ = parser_->head_only();
  http_1_1_ = parser_->http_1_1();
  close_after_ = core_->stopping || !parser_->keep_alive();
}

// The head is whole (again, after a journey between threads).
bool HttpConnection::begin_exchange() {
  state_ = State::kDecided;
  note_request();
  exchange_ = core_->open_exchange(*this);
  const HttpExchange exchange(&core_->thread, exchange_);
  const HeadVerdict verdict = core_->handler->on_head(exchange, parser_->head());
  if (is_dead() || state_ != State::kDecided) return !is_dead();
  return obey(verdict);
}

bool HttpConnection::obey(const HeadVerdict& verdict) {
  abort_at_half_close_ = verdict.abort_at_half_close;
  switch (verdict.kind) {
    case HeadVerdict::Kind::kAnswered:
      state_ = State::kWaiting;  // by a handler that will answer a little later
      close_after_ = close_after_ || parser_->has_body();
      parser_.reset();
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
    offer_ = std::make_unique<WebSocketOffer>(read_websocket_offer(parser_->head()));
    core_->handler->on_upgrade(exchange, std::move(parser_->head()));
    if (state_ == State::kWaiting) parser_.reset();
    return true;
  }
  body_bytes_max_ = verdict.body_bytes_max;
  carries_secret_ = verdict.carries_secret && parser_->has_body();
  held_secret_ = held_secret_ || carries_secret_;
  if (!parser_->has_body()) return deliver();
  if (parser_->content_length().value_or(0) > body_bytes_max_) return deliver_too_large();
  state_ = State::kBody;
  start_body_window();
  if (parser_->expects_continue() && input_.empty()) {
    queue_answer(SharedBytes::copy("HTTP/1.1 100 Continue\r\n\r\n"), {});
  }
  return true;
}

bool HttpConnection::step_body() {
  if (state_ == State::kDiscard) return discard_body();
  std::size_t consumed = 0;
  const auto progress = parser_->feed_body(input_, body_bytes_max_, consumed);
  consume(consumed);
  window_bytes_ += consumed;
  switch (progress) {
    case HttpParser::Progress::kNeedMore:
      return false;
    case HttpParser::Progress::kComplete:
      deadline_.stop();
      return deliver();
    case HttpParser::Progress::kTooLarge:
      return deliver_too_large();
    case HttpParser::Progress::kFaulty:
      break;
  }
  const HeadFault fault = parser_->fault();
  abort_exchange();
  if (!is_dead()) refuse(fault.status, fault.detail);
  return false;
}

// The rest of a body that nobody wants, so that the connection can go on behind it.
bool HttpConnection::discard_body() {
  std::size_t consumed = 0;
  const auto progress = parser_->feed_body(input_, kDiscardBytesMax, consumed);
  consume(consumed);
  window_bytes_ += consumed;
  discarded_bytes_ += parser_->body().size();
  parser_->body().clear();
  if (progress == HttpParser::Progress::kComplete) {
    finish_exchange(false);
    return true;
  }
  if (progress != HttpParser::Progress::kNeedMore || discarded_bytes_ > kDiscardBytesMax) {
    begin_linger();
  }
  return false;
}

bool HttpConnection::deliver() {
  state_ = State::kWaiting;
  const HttpExchange exchange(&core_->thread, exchange_);
  core_->handler->on_request(exchange, std::move(parser_->head()), std::move(parser_->body()));
  if (state_ == State::kWaiting) parser_.reset();
  return true;
}

bool HttpConnection::deliver_too_large() {
  deadline_.stop();
  state_ = State::kWaiting;
  close_after_ = true;
  release(parser_->body());
  const HttpExchange exchange(&core_->thread, exchange_);
  core_->handler->on_body_too_large(exchange, parser_->head());
  if (state_ == State::kWaiting) parser_.reset();
  return true;
}

}  // namespace maru::net
