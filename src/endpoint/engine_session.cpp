#include "endpoint/engine_session.hpp"

#include <algorithm>
#include <cassert>
#include <deque>
#include <utility>

#include "base/memory.hpp"
#include "endpoint/engine_server.hpp"
#include "engineio/base64.hpp"
#include "engineio/packet.hpp"
#include "engineio/polling_buffer.hpp"

namespace maru::endpoint {
namespace {

// A volatile event may join what leaves at the end of this turn, but not a jam.
constexpr std::size_t kVolatileBytesMax = 16 * 1024;
// Of one POST, in one turn; the rest in the next ones, after what others have to do.
constexpr int kPacketsPerTurn = 1024;

DisconnectReason reason_of(net::CloseReason reason) {
  switch (reason) {
    case net::CloseReason::kPeerClosed:
      return DisconnectReason::kTransportClose;
    case net::CloseReason::kSlowConsumer:
      return DisconnectReason::kSlowConsumer;
    case net::CloseReason::kClosedByServer:
      return DisconnectReason::kServerShuttingDown;
    case net::CloseReason::kError:
    case net::CloseReason::kProtocolError:
      break;
  }
  return DisconnectReason::kTransportError;
}

std::string base64_packet(std::string_view bytes) {
  std::string packet = "b";
  engineio::append_base64(packet, bytes);
  return packet;
}

}  // namespace

struct EngineSession::Polling {
  engineio::PollingBuffer buffer;
  std::uint64_t get = 0;   // the pending GET's exchange; 0: none
  std::uint64_t post = 0;  // the POST's in progress
  std::string post_body;
  std::size_t post_offset = 0;  // what comes before it was processed
  bool post_is_whole = false;
  bool processing = false;
  net::WebSocketConnection* probe = nullptr;  // while the session upgrades
  Lobby::Place place;                         // of one for whom nobody answers
};

EngineSession::EngineSession(EngineServer& server)
    : server_(server),
      engine_(engineio::Transport::kPolling, server.now(), server.timing(), server.early_ms()) {}

EngineSession::~EngineSession() = default;

// --- Opening ---------------------------------------------------------------------------------

void EngineSession::open_polling() {
  polling_ = std::make_unique<Polling>();
  arm();
  on_session_opened();
}

std::size_t EngineSession::packet_bytes_max() const {
  const EndpointOptions& options = server_.options();
  return on_probation_ ? std::min(options.early_bytes_max, options.max_payload)
                       : options.max_payload;
}

std::size_t EngineSession::post_bytes_max() const {
  return on_probation_ ? packet_bytes_max()
                       : std::max(packet_bytes_max(), server_.options().post_bytes_max);
}

void EngineSession::keep_place(Lobby::Place place) {
  if (polling_ && !is_websocket()) polling_->place = std::move(place);
}

void EngineSession::end_probation() {
  on_probation_ = false;
  if (websocket_) websocket_->set_message_bytes_max(packet_bytes_max());
  if (polling_ && polling_->probe) polling_->probe->set_message_bytes_max(packet_bytes_max());
}

void EngineSession::open_websocket(net::WebSocketConnection& connection) {
  connection.set_message_bytes_max(packet_bytes_max());
  engine_ = engineio::Session(engineio::Transport::kWebSocket, server_.now(), server_.timing(),
                              server_.early_ms());
  websocket_ = &connection;
  ++websockets_;
  arm();
  on_session_opened();
}

void EngineSession::arm() {
  const MonotonicTime next = engine_.next_deadline();
  if (next == engineio::Session::kNever) {
    stop();
  } else {
    server_.timers().start(*this, std::max<std::int64_t>(0, next.ms - server_.now().ms));
  }
}

void EngineSession::on_timer() {
  // Its deadlines must come in any case.
  if (!memory::survive([this] { on_deadlines(); }) && !closed_) arm();
}

void EngineSession::on_deadlines() {
  const auto due = engine_.on_time(server_.now(), server_.timing());
  if (due.ping) send(server_.ping_frame());
  if (due.ping_timeout) close(DisconnectReason::kPingTimeout);
  if (closed_) return;
  if (due.noop && polling_->get != 0) {
    if (polling_->buffer.empty()) {
      server_.answer_payload(std::exchange(polling_->get, 0), std::string(engineio::kNoopPacket));
    } else {
      flush_poll();
    }
  }
  if (due.upgrade_timeout) drop_probe();
  arm();
}

// --- Sending ---------------------------------------------------------------------------------

net::SendResult EngineSession::send(const net::TextFrame& packet) {
  if (websocket_) return websocket_->send(packet);
  if (closed_) return net::SendResult::kClosing;
  const std::size_t header_size = packet.bytes().size() - packet.payload().size();
  bool pushed = false;  // one of many that finds no memory is as one that does not fetch
  [[maybe_unused]] const bool done = memory::survive([&] {
    pushed = polling_->buffer.push_shared(packet.bytes(), header_size,
                                          server_.options().polling_buffer_bytes_max);
  });
  return queued(pushed);
}

net::SendResult EngineSession::send_text(std::string_view packet) {
  if (websocket_) return websocket_->send_text(packet);
  if (closed_) return net::SendResult::kClosing;
  return queued(polling_->buffer.push_text(packet, server_.options().polling_buffer_bytes_max));
}

net::SendResult EngineSession::send_binary(std::string_view bytes) {
  if (websocket_) {
    return base64_ ? websocket_->send_text(base64_packet(bytes)) : websocket_->send_binary(bytes);
  }
  if (closed_) return net::SendResult::kClosing;
  return queued(polling_->buffer.push_binary(bytes, server_.options().polling_buffer_bytes_max));
}

net::SendResult EngineSession::queued(bool pushed) {
  if (!pushed) {
    close(DisconnectReason::kSlowConsumer);
    return net::SendResult::kSlowConsumer;
  }
  // At the end of the turn, so that all that is sent in it goes out in one body.
  if (polling_->get != 0) settle_soon();
  return net::SendResult::kQueued;
}

std::size_t EngineSession::held_bytes() const {
  return polling_ ? polling_->buffer.size_bytes() : 0;
}

bool EngineSession::can_write_at_once() const {
  if (websocket_) return websocket_->queued_bytes() <= kVolatileBytesMax;
  return !closed_ && polling_->get != 0 && polling_->buffer.size_bytes() <= kVolatileBytesMax;
}

// --- Polling ---------------------------------------------------------------------------------

void EngineSession::on_get(std::uint64_t exchange) {
  if (polling_->get != 0) {
    server_.answer_empty(exchange, 400);
    close(DisconnectReason::kTransportError);
    return;
  }
  polling_->get = exchange;
  flush_poll();
}

void EngineSession::flush_poll() {
  if (!polling_ || polling_->get == 0 || polling_->buffer.empty()) return;
  server_.answer_payload(std::exchange(polling_->get, 0), polling_->buffer.take_payload());
}

// False when another POST is in progress: the session is closed then.
bool EngineSession::begin_post(std::uint64_t exchange) {
  if (polling_->post == 0) {
    polling_->post = exchange;
    return true;
  }
  server_.destroy(std::exchange(polling_->post, 0));
  close(DisconnectReason::kTransportError);
  return false;
}

void EngineSession::on_post_body(std::string body) {
  polling_->post_body = std::move(body);
  polling_->post_offset = 0;
  polling_->post_is_whole = true;
  process_post();
}

void EngineSession::on_post_refused() {
  polling_->post = 0;
  if (websocket_) polling_.reset();
}

void EngineSession::process_post() {
  Polling& polling = *polling_;
  bool done = false;
  int left = kPacketsPerTurn;
  polling.processing = true;
  while (!closed_ && pauses_ == 0 && !done && left-- > 0) {
    engineio::PayloadReader reader(polling.post_body, server_.scratch(), polling.post_offset);
    engineio::Packet packet;
    const auto step = reader.next(packet);
    polling.post_offset = reader.offset();
    switch (step) {
      case engineio::PayloadReader::Step::kPacket:
        on_packet(packet);
        break;
      case engineio::PayloadReader::Step::kFaulty:
        close(DisconnectReason::kParseError);
        break;
      case engineio::PayloadReader::Step::kEnd:
        done = true;
        break;
    }
  }
  polling.processing = false;
  if (done || closed_) {
    finish_post();
  } else if (pauses_ == 0) {
    settle_soon();
  }
}

void EngineSession::finish_post() {
  server_.answer_ok(std::exchange(polling_->post, 0));
  polling_->post_is_whole = false;
  polling_->post_body = {};
  if (websocket_) polling_.reset();
}

void EngineSession::on_exchange_aborted(std::uint64_t exchange) {
  if (!polling_) return;
  if (polling_->get == exchange) polling_->get = 0;
  if (polling_->post == exchange) {
    polling_->post = 0;
    polling_->post_is_whole = false;
    polling_->post_body = {};
    if (websocket_) polling_.reset();
  }
  // A session that has its WebSocket does not need the rest of its polling past. Otherwise the
  // network failed its client, which knows; nothing on the other request may say good-bye.
  if (!websocket_) close(DisconnectReason::kTransportError, Farewell::kComeBack);
}

// --- WebSocket and upgrade -------------------------------------------------------------------

bool EngineSession::begin_upgrade() {
  return !closed_ && engine_.begin_upgrade(server_.now(), server_.timing());
}

void EngineSession::take_probe(net::WebSocketConnection& connection) {
  connection.set_message_bytes_max(packet_bytes_max());
  polling_->probe = &connection;
  ++websockets_;
  arm();
}

void EngineSession::drop_probe() {
  engine_.abandon_upgrade();
  if (net::WebSocketConnection* probe = std::exchange(polling_->probe, nullptr)) probe->close();
  arm();
}

void EngineSession::on_text(net::WebSocketConnection& connection, std::string_view text) {
  if (&connection == websocket_) {
    const auto packet = engineio::decode_packet(text, server_.scratch());
    if (packet) {
      on_packet(*packet);
    } else {
      close(DisconnectReason::kParseError);
    }
  } else if (polling_ && &connection == polling_->probe) {
    on_probe_packet(text);
  }
}

void EngineSession::on_binary(net::WebSocketConnection& connection, std::string_view bytes) {
  if (&connection == websocket_) {
    on_packet({engineio::PacketType::kMessage, true, bytes});
  } else if (polling_ && &connection == polling_->probe) {
    drop_probe();
  }
}

void EngineSession::on_probe_packet(std::string_view text) {
  const auto packet = engineio::decode_packet(text, server_.scratch());
  if (!packet) {
    drop_probe();
    return;
  }
  switch (engine_.on_probe_packet(*packet, server_.now())) {
    case engineio::Session::ProbeVerdict::kAnswer:
      polling_->probe->send_text(engineio::kProbePongPacket);
      arm();
      break;
    case engineio::Session::ProbeVerdict::kComplete:
      complete_upgrade();
      break;
    case engineio::Session::ProbeVerdict::kRefuse:
      drop_probe();
      break;
  }
}

void EngineSession::complete_upgrade() {
  websocket_ = std::exchange(polling_->probe, nullptr);
  // A client that still polls is told nothing new, rather than that the session closes.
  if (polling_->get != 0) {
    server_.answer_payload(std::exchange(polling_->get, 0), std::string(engineio::kNoopPacket));
  }
  polling_->buffer.drain([this](SharedBytes bytes, std::size_t skip, bool binary) {
    if (binary) {
      send_binary(bytes.view());
    } else if (skip > 0) {
      send(net::TextFrame::from(std::move(bytes), skip));  // what it skips is its header
    } else {
      send_text(bytes.view());
    }
  });
  if (pauses_ > 0) websocket_->pause_reading();
  if (polling_->post == 0) polling_.reset();
  arm();
  server_.on_upgraded();
}

void EngineSession::on_closed(net::WebSocketConnection& connection, net::CloseReason reason) {
  --websockets_;
  if (&connection == websocket_) {
    websocket_ = nullptr;
    close(reason_of(reason));
  } else if (polling_ && &connection == polling_->probe) {
    polling_->probe = nullptr;
    engine_.abandon_upgrade();
    if (!closed_) arm();
  }
  server_.settle(*this);
}

// --- What the client says --------------------------------------------------------------------

void EngineSession::on_packet(const engineio::Packet& packet) {
  const std::int64_t early_ms = packet.type == engineio::PacketType::kPong ? server_.early_ms() : 0;
  switch (engine_.on_packet(packet, server_.now(), server_.timing(), early_ms)) {
    case engineio::Session::Verdict::kMessage:
      server_.on_message_received();
      if (packet.binary) {
        on_binary_message(packet.data);
      } else {
        on_message(packet.data);
      }
      break;
    case engineio::Session::Verdict::kIgnore:
      arm();
      break;
    case engineio::Session::Verdict::kClose:
      close(DisconnectReason::kTransportClose);
      break;
    case engineio::Session::Verdict::kFaulty:
      close(DisconnectReason::kTransportError);
      break;
  }
}

// --- Back-pressure ---------------------------------------------------------------------------

void EngineSession::pause_reading() {
  if (pauses_++ > 0) return;
  engine_.pause();
  if (closed_) return;
  if (websocket_) websocket_->pause_reading();
  arm();
}

void EngineSession::resume_reading() {
  assert(pauses_ > 0);
  if (pauses_ == 0) return;
  --pauses_;
  if (pauses_ > 0) return;
  engine_.resume(server_.now(), server_.timing());
  if (closed_) return;
  if (websocket_) websocket_->resume_reading();
  if (polling_ && polling_->post_is_whole && !polling_->processing) settle_soon();
  arm();
}

// --- Closing ---------------------------------------------------------------------------------

void EngineSession::close(DisconnectReason reason, Farewell farewell) {
  if (closed_) return;
  server_.prepare_to_forget(*this);
  closed_ = true;
  reason_ = reason;
  stop();
  server_.forget(*this, reason);
  // Without memory for a farewell there is none.
  if (net::WebSocketConnection* const connection = std::exchange(websocket_, nullptr)) {
    [[maybe_unused]] const bool ended = memory::survive([&] { end(*connection, farewell); }) ||
                                        memory::survive([&] { connection->abandon(); });
  }
  if (polling_ && !memory::survive([&] { close_polling(farewell); })) {
    server_.destroy(std::exchange(polling_->get, 0));
  }
}

void EngineSession::end(net::WebSocketConnection& connection, Farewell farewell) {
  if (farewell == Farewell::kComeBack) {
    connection.abandon();
  } else {
    connection.close();
  }
}

// A payload for each GET.
std::deque<std::string> EngineSession::last_words(Farewell farewell) {
  std::deque<std::string> words;
  if (farewell == Farewell::kNoop) {
    words.emplace_back(engineio::kNoopPacket);
    return words;
  }
  // What a slow consumer did not fetch is too much.
  while (reason_ != DisconnectReason::kSlowConsumer && !polling_->buffer.empty()) {
    words.push_back(polling_->buffer.take_payload());
  }
  const bool says_it =
      farewell == Farewell::kKept || (farewell == Farewell::kPendingOnly && words.empty());
  if (says_it) words.emplace_back(engineio::kClosePacket);
  return words;
}

void EngineSession::close_polling(Farewell farewell) {
  Polling& polling = *polling_;
  if (auto* probe = std::exchange(polling.probe, nullptr)) end(*probe, farewell);
  // One that has its WebSocket polls no more.
  if (engine_.transport() == engineio::Transport::kPolling) {
    std::deque<std::string> words = last_words(farewell);
    if (polling.get != 0 && words.empty()) {
      server_.destroy(std::exchange(polling.get, 0));
    } else if (polling.get != 0) {
      server_.answer_payload(std::exchange(polling.get, 0), std::move(words.front()));
      words.pop_front();
    }
    // Of those that shall come back, only one that is let go is known to be there still.
    const bool is_kept = farewell == Farewell::kKept || farewell == Farewell::kNoop ||
                         reason_ == DisconnectReason::kLetGo;
    if (is_kept) server_.keep_last_words(*this, std::move(words));
  }
  if (polling.post == 0 || polling.processing) return;
  if (polling.post_is_whole) {
    finish_post();
  } else {
    server_.detach(std::exchange(polling.post, 0));  // answered when its body has come
  }
}

void EngineSession::settle_soon() {
  if (queued_) return;
  server_.settle_soon(*this);
  queued_ = true;
}

bool EngineSession::settle() {
  if (!closed_ && polling_ && polling_->post_is_whole && pauses_ == 0) process_post();
  if (!closed_) flush_poll();
  on_settle();
  if (!closed_) return false;
  if (!told_) {
    told_ = true;
    on_session_closed(reason_);
  }
  return websockets_ == 0 && !queued_;
}

}  // namespace maru::endpoint
