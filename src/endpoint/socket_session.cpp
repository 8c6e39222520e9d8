#include "endpoint/socket_session.hpp"

#include <cassert>
#include <utility>

#include "engineio/base64.hpp"
#include "socketio/encoder.hpp"

namespace maru::endpoint {
namespace {

using State = socketio::Membership::State;

std::string fresh_sid(const EngineServer& server) {
  std::array<std::uint8_t, SocketRecord::kSidSize / 4 * 3> bytes;
  server.fill_random(bytes.data(), bytes.size());
  std::string sid;
  engineio::append_base64url(
      sid, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  return sid;
}

}  // namespace

// --- A socket --------------------------------------------------------------------------------

void SocketRecord::pause_reading() {
  if (pauses_++ == 0) session_.pause_reading();
}

void SocketRecord::resume_reading() {
  assert(pauses_ > 0);
  if (pauses_ == 0) return;
  --pauses_;
  if (pauses_ == 0) session_.resume_reading();
}

void SocketRecord::drop_pauses() {
  if (std::exchange(pauses_, 0) > 0) session_.resume_reading();
}

// --- What sessions share ---------------------------------------------------------------------

const std::string* SocketHost::intern(std::string_view namespace_name) {
  const auto found = names_.find(namespace_name);
  if (found != names_.end()) return &*found;
  if (names_.size() >= kNamesMax) return nullptr;
  return &*names_.emplace(namespace_name).first;
}

std::uint64_t SocketHost::add_pending(SocketRecord& record) {
  pending_.emplace(++last_key_, &record);
  return last_key_;
}

SocketRecord* SocketHost::find_pending(std::uint64_t key) const {
  const auto found = pending_.find(key);
  return found == pending_.end() ? nullptr : found->second;
}

// --- A session -------------------------------------------------------------------------------

// A client that has to come to something in time: to a namespace, then to the end of a packet whose
// attachments it owes. There are no attachments before a namespace, so one of these is enough.
class SocketSession::Watch final : public net::Timer {
 public:
  Watch(SocketSession& session, std::int64_t delay_ms, Lobby::Place place = {})
      : session_(session), place_(std::move(place)) {
    session.server().timers().start(*this, delay_ms);
  }
  ~Watch() = default;

  [[nodiscard]] Lobby::Place take_place() { return std::move(place_); }

  std::size_t bytes = 0;  // what it has said

 private:
  void on_timer() override { session_.on_watch_ended(); }

  SocketSession& session_;
  Lobby::Place place_;
};

SocketSession::SocketSession(EngineServer& server, SocketHost& host, Lobby::Place place)
    : EngineSession(server),
      host_(host),
      watch_(
          std::make_unique<Watch>(*this, server.options().connect_timeout_ms, std::move(place))) {
  // Before it has joined a namespace a client has nothing long to say (quality.md 1, row 22).
  begin_probation();
}

SocketSession::~SocketSession() {
  while (connection_.first()) remove(static_cast<SocketRecord&>(*connection_.first()));
}

// It may have been slow for a good reason, so it may try again.
void SocketSession::on_watch_ended() {
  close(DisconnectReason::kLetGo);
}

bool SocketSession::is_too_much(std::size_t bytes) {
  if (!is_on_probation() || !watch_) return false;
  watch_->bytes += bytes;
  if (watch_->bytes <= server().options().early_bytes_max) return false;
  close(DisconnectReason::kForcedClose);
  return true;
}

void SocketSession::on_message(std::string_view text) {
  if (is_too_much(text.size())) return;
  dispatch(connection_.on_text(host_.decoder(), text));
  if (connection_.is_assembling() && is_open() && !watch_) {
    watch_ = std::make_unique<Watch>(*this, server().options().assembly_timeout_ms);
  }
}

void SocketSession::on_binary_message(std::string_view bytes) {
  if (is_too_much(bytes.size())) return;
  using Attachments = socketio::Connection::Attachments;
  const EndpointOptions& options = server().options();
  const auto received =
      connection_.on_binary(host_.decoder(), bytes, options.max_payload,
                            options.keep_attachments ? Attachments::kKept : Attachments::kCounted);
  if (!connection_.is_assembling() && !is_on_probation()) watch_.reset();
  dispatch(received);
  connection_.forget_delivered();
}

void SocketSession::dispatch(const socketio::Received& received) {
  using Kind = socketio::Received::Kind;
  switch (received.kind) {
    case Kind::kNothing:
    case Kind::kAck:  // the server asks for none
      break;
    case Kind::kConnect:
      on_connect(received);
      break;
    case Kind::kEvent:
      on_event(received);
      break;
    case Kind::kDisconnect:
      leave(static_cast<SocketRecord&>(*received.membership),
            DisconnectReason::kClientNamespaceDisconnect);
      break;
    case Kind::kFaulty:
      close(DisconnectReason::kForcedClose);
      break;
  }
}

void SocketSession::on_connect(const socketio::Received& received) {
  const std::string_view name = received.header.namespace_name;
  const std::string* const kept = host_.application().has_namespace(name) && !connection_.is_full()
                                      ? host_.intern(name)
                                      : nullptr;
  if (!kept) {
    send_text(socketio::encode_connect_error(name, "Invalid namespace", {}));
    return;
  }
  auto* const record = new SocketRecord(*this, *kept);
  record->set_key(host_.add_pending(*record));
  connection_.add(*record);
  const json::Value auth = received.payload.value;
  ConnectRequest request;
  request.namespace_name = *kept;
  request.auth = auth;
  request.auth_text = received.header.payload.empty() ? "{}" : received.header.payload;
  request.data = handshake_data();
  request.session_tag = tag();
  const auto pid = auth["pid"].as_string();
  const auto offset = auth["offset"].as_string();
  if (pid && offset) {
    request.pid = pid;
    request.offset = offset;
  }
  host_.application().on_connect(request, PendingConnect(&host_.endpoint(), record->key()));
}

void SocketSession::on_event(const socketio::Received& received) {
  Event event;
  event.name = received.payload.event_name;
  event.arguments = received.payload.value;
  event.text = received.header.payload;
  event.ack = received.header.ack;
  event.binary = received.header.is_binary();
  event.attachments = received.attachments;
  if (received.payload.refused) event.refused = &*received.payload.refused;
  host_.application().on_event(static_cast<SocketRecord&>(*received.membership), event);
}

// --- What the application decides ------------------------------------------------------------

Socket* SocketSession::accept(SocketRecord& record, const PendingConnect::Accept& accept) {
  host_.remove_pending(record.key());
  const bool has_sid = accept.sid.size() == SocketRecord::kSidSize;
  record.set_sid(has_sid ? accept.sid : fresh_sid(server()));
  for (const net::TextFrame& frame : accept.missed) send(frame);
  send_text(socketio::encode_connect(*record.name, record.sid(), accept.pid));
  if (!is_open()) {  // what it missed was more than it can take
    record.state = State::kLeft;
    remove(record);
    return nullptr;
  }
  record.state = State::kJoined;
  add(server().counters().sockets_open);
  if (is_on_probation()) {
    if (accept.anonymous) keep_place(watch_->take_place());
    watch_.reset();
    end_probation();
  }
  return &record;
}

void SocketSession::refuse(SocketRecord& record, std::string_view message,
                           std::string_view data_json) {
  send_text(socketio::encode_connect_error(*record.name, message, data_json));
  remove(record);
}

void SocketSession::disconnect(SocketRecord& record, Disconnect how) {
  if (!is_open()) return;
  if (how == Disconnect::kSocketOnly) {
    if (record.state != State::kJoined) return;
    send_text(socketio::encode_disconnect(*record.name));
    record.state = State::kLeft;
    settle_soon();
    return;
  }
  if (how == Disconnect::kTransportOnly) return close(DisconnectReason::kLetGo);
  for (const auto* m = connection_.first(); m; m = m->next) {
    if (m->state == State::kJoined) send_text(socketio::encode_disconnect(*m->name));
  }
  close(DisconnectReason::kForcedServerClose);
}

// --- The end ---------------------------------------------------------------------------------

void SocketSession::on_settle() {
  // From the front again after each, for the application may have removed others.
  const auto next_left = [this] {
    socketio::Membership* m = connection_.first();
    while (m && m->state != State::kLeft) m = m->next;
    return m;
  };
  while (auto* left = next_left()) {
    leave(static_cast<SocketRecord&>(*left), DisconnectReason::kServerNamespaceDisconnect);
  }
}

void SocketSession::on_session_closed(DisconnectReason reason) {
  watch_.reset();
  while (connection_.first()) {
    auto& record = static_cast<SocketRecord&>(*connection_.first());
    if (record.state == State::kPending) {
      remove(record);
    } else {
      leave(record, reason);
    }
  }
}

// Tells the application, then destroys the socket.
void SocketSession::leave(SocketRecord& record, DisconnectReason reason) {
  record.state = State::kLeft;
  subtract(server().counters().sockets_open);
  host_.application().on_disconnect(record, reason);
  record.drop_pauses();
  remove(record);
}

void SocketSession::remove(SocketRecord& record) {
  if (record.state == State::kPending) host_.remove_pending(record.key());
  connection_.remove(record);
  delete &record;
}

}  // namespace maru::endpoint
