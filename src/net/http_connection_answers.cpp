#include <sys/epoll.h>

#include <utility>

#include "base/secret.hpp"
#include "net/http_connection.hpp"
#include "net/http_response.hpp"
#include "net/io_core.hpp"
#include "net/peer_progress.hpp"
#include "net/websocket_connection.hpp"
#include "net/websocket_handshake.hpp"

namespace maru::net {
namespace {

// After the last answer, so that it is not lost to a reset (RFC 9112, section 9.6).
constexpr std::int64_t kLingerMs = 2000;

}  // namespace

// --- Answering -------------------------------------------------------------------------------

void HttpConnection::send_response(HttpResponse&& response, bool close) {
  const ResponseContext context{.head_only = head_only_,
                                .http_1_1 = http_1_1_,
                                .close = close,
                                .date = core_->date(),
                                .keep_alive_s = core_->options.keep_alive_timeout_ms / 1000};
  SharedBytes bytes = serialize_response(response, context);
  if (!reserve(response, bytes.size())) {
    bytes = serialize_response(make_overloaded(response.fields), context);
  }
  queue_answer(std::move(bytes), std::move(response.lease));
}

void HttpConnection::respond(HttpResponse&& response) {
  if (is_dead() || exchange_ == 0) return;
  core_->close_exchange(exchange_);
  exchange_ = 0;
  const bool early = state_ == State::kDecided || state_ == State::kBody;
  const bool body_left = early && parser_->has_body();
  bool close = response.close || close_after_ || core_->stopping ||
               (early && parser_->head().wants_websocket) || (peer_ended_ && !has_unread());
  // A client that waits for "100 Continue" may or may not send its body now.
  if (body_left &&
      (parser_->expects_continue() || parser_->content_length().value_or(0) > kDiscardBytesMax)) {
    close = true;
  }
  send_response(std::move(response), close);
  if (!close && body_left) {
    state_ = State::kDiscard;
    discarded_bytes_ = 0;
    start_body_window();
  } else {
    finish_exchange(close);
  }
}

bool HttpConnection::has_unread() const {
  return processing_ ? !input_.empty() : !unread_.empty();
}

// The connection goes on with the next request, or lingers.
void HttpConnection::finish_exchange(bool close) {
  if (close) {
    begin_linger();
    return;
  }
  forget_request();
  state_ = State::kHead;
  served_ = true;
  moves_ = 0;
  deadline_.stop();  // end_of_turn() starts it when the answer has been written
  if (!is_held_back()) resume_reading();
  // The next request may be here already; it is read outside of the handler's call.
  if (!processing_) mark_dirty();
}

// Within process() a handler may still be looking at the head.
void HttpConnection::forget_request() {
  if (processing_ && parser_) spent_parser_ = std::move(parser_);
  parser_.reset();
  offer_.reset();
  head_only_ = false;
  http_1_1_ = true;
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
  watching_kernel_ = false;
  window_bytes_ = 0;
  forget_request();
  if (!processing_) {
    wipe(unread_);
    std::string().swap(unread_);
  }
  resume_reading();
  deadline_.stop();
  mark_dirty();
}

void HttpConnection::destroy() {
  if (exchange_ != 0) {
    core_->close_exchange(exchange_);
    exchange_ = 0;
  }
  if (!is_dead()) shut_down_sending();  // over TLS an end, not a truncation
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
  bound_unsent_bytes(stream_.descriptor, 0);  // frames to many are another matter
  queue(serialize_switching(core_->date(), offer_->accept_value, offer_->protocol, fields));
  set_reading(true);
  const std::string_view rest = processing_ ? input_ : std::string_view(unread_);
  auto upgraded = std::make_unique<WebSocketStream>(*core_, stream_, handler, rest);
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
      } else if (!waits_for_peer()) {
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
    case State::kLinger:
      if (!waits_for_peer()) die();
      return;
    default:
      die();
  }
}

void HttpConnection::end_of_turn() {
  if (is_dead()) return;
  const FlushStatus flushed = flush();
  if (flushed == FlushStatus::kFailed || !settle(flushed == FlushStatus::kDrained)) {
    on_failed();
    return;
  }
  if (state_ == State::kLinger) {
    linger_on();
    return;
  }
  if (state_ == State::kHead && !is_held_back()) {
    resume_reading();
    if (!unread_.empty() && !process({})) return;
  }
  if (state_ == State::kHead && !is_held_back() && peer_ended_) {
    begin_linger();  // no more requests will come
    return;
  }
  if (state_ == State::kHead && !parser_ && !has_pending_writes() && !deadline_.active()) {
    begin_idle();
  }
  if (stream_.tls && !reading_paused_ && tls_has_pending(stream_.tls)) on_readable();
}

void HttpConnection::linger_on() {
  if (has_pending_writes() || sending_shut_) return;
  if (peer_ended_ || core_->stopping) {
    die();
    return;
  }
  sending_shut_ = true;
  shut_down_sending();
  core_->timers.start(deadline_, kLingerMs);
}

void HttpConnection::on_stop() {
  if (is_dead()) return;
  // What the kernel has of an answer, it still delivers when this process is gone.
  bound_unsent_bytes(stream_.descriptor, 0);
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
  if (!self.watch(self.peer_ended_ ? 0U : EPOLLIN + 0U) || core.stopping) return;
  core.add(std::move(connection));
  self.state_ = State::kArrived;
  self.mark_dirty();
  self.edge([&self] { self.process({}); });
}

}  // namespace maru::net
