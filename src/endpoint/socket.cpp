#include "endpoint/socket.hpp"

#include "endpoint/socket_session.hpp"
#include "socketio/encoder.hpp"

namespace maru::endpoint {
namespace {

// Every Socket is one.
SocketRecord& record_of(Socket& socket) {
  return static_cast<SocketRecord&>(socket);
}
const SocketRecord& record_of(const Socket& socket) {
  return static_cast<const SocketRecord&>(socket);
}

bool is_joined(const SocketRecord& record) {
  return record.state == socketio::Membership::State::kJoined;
}

// The header packet, then the attachments; the first failure ends it.
net::SendResult send_with(SocketSession& session, const std::string& packet,
                          std::span<const std::string> attachments) {
  net::SendResult result = session.send_text(packet);
  for (const std::string& bytes : attachments) {
    if (result != net::SendResult::kQueued) break;
    result = session.send_binary(bytes);
  }
  return result;
}

}  // namespace

std::string_view to_string(DisconnectReason reason) {
  switch (reason) {
    case DisconnectReason::kTransportError:
      return "transport error";
    case DisconnectReason::kTransportClose:
      return "transport close";
    case DisconnectReason::kForcedClose:
      return "forced close";
    case DisconnectReason::kPingTimeout:
      return "ping timeout";
    case DisconnectReason::kParseError:
      return "parse error";
    case DisconnectReason::kServerShuttingDown:
      return "server shutting down";
    case DisconnectReason::kForcedServerClose:
      return "forced server close";
    case DisconnectReason::kClientNamespaceDisconnect:
      return "client namespace disconnect";
    case DisconnectReason::kServerNamespaceDisconnect:
      return "server namespace disconnect";
    case DisconnectReason::kLetGo:
      return "let go";
    case DisconnectReason::kSlowConsumer:
      break;
  }
  return "slow consumer";
}

bool is_recoverable(DisconnectReason reason) {
  switch (reason) {
    case DisconnectReason::kTransportError:
    case DisconnectReason::kTransportClose:
    case DisconnectReason::kForcedClose:
    case DisconnectReason::kPingTimeout:
    case DisconnectReason::kServerShuttingDown:
    case DisconnectReason::kForcedServerClose:
    case DisconnectReason::kLetGo:
    case DisconnectReason::kSlowConsumer:
      return true;
    case DisconnectReason::kParseError:
    case DisconnectReason::kClientNamespaceDisconnect:
    case DisconnectReason::kServerNamespaceDisconnect:
      break;
  }
  return false;
}

std::string_view Socket::id() const {
  return record_of(*this).sid();
}

std::string_view Socket::namespace_name() const {
  return *record_of(*this).name;
}

HandshakeData* Socket::handshake_data() const {
  return record_of(*this).session().handshake_data();
}

std::uint64_t Socket::session_tag() const {
  return record_of(*this).session().tag();
}

net::SendResult Socket::send(const net::TextFrame& packet) {
  SocketRecord& record = record_of(*this);
  if (!is_joined(record)) return net::SendResult::kClosing;
  return record.session().send(packet);
}

net::SendResult Socket::emit(std::string_view arguments_json) {
  SocketRecord& record = record_of(*this);
  if (!is_joined(record)) return net::SendResult::kClosing;
  return record.session().send(
      net::TextFrame::join(socketio::event_prefix(namespace_name()), arguments_json));
}

void Socket::emit_volatile(std::string_view arguments_json) {
  if (record_of(*this).session().can_write_at_once()) emit(arguments_json);
}

void Socket::acknowledge(AckId ack, std::string_view arguments_json) {
  SocketRecord& record = record_of(*this);
  if (!is_joined(record)) return;
  record.session().send(
      net::TextFrame::join(socketio::ack_prefix(namespace_name(), ack), arguments_json));
}

void Socket::emit_binary(std::string_view arguments_json,
                         std::span<const std::string> attachments) {
  SocketRecord& record = record_of(*this);
  if (!is_joined(record)) return;
  send_with(record.session(),
            socketio::encode_binary_event(namespace_name(), attachments.size(), arguments_json),
            attachments);
}

void Socket::acknowledge_binary(AckId ack, std::string_view arguments_json,
                                std::span<const std::string> attachments) {
  SocketRecord& record = record_of(*this);
  if (!is_joined(record)) return;
  send_with(record.session(),
            socketio::encode_binary_ack(namespace_name(), attachments.size(), ack, arguments_json),
            attachments);
}

void Socket::disconnect(Disconnect how) {
  SocketRecord& record = record_of(*this);
  record.session().disconnect(record, how);
}

void Socket::pause_reading() {
  record_of(*this).pause_reading();
}

void Socket::resume_reading() {
  record_of(*this).resume_reading();
}

bool Socket::is_websocket() const {
  return record_of(*this).session().is_websocket();
}

}  // namespace maru::endpoint
