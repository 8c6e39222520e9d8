#include "socketio/connection.hpp"

#include <vector>

namespace maru::socketio {

struct Connection::Assembly {
  std::string message;  // the header's text
  std::vector<std::string> attachments;
  std::size_t wanted = 0;
  std::size_t arrived = 0;
  std::size_t bytes = 0;
  bool delivered = false;  // held for the views that were handed out
};

Connection::Connection() = default;
Connection::~Connection() = default;

void Connection::add(Membership& membership) {
  // At the end: namespaces are told of a lost connection in the order in which they were joined.
  Membership** link = &first_;
  while (*link) link = &(*link)->next;
  membership.next = nullptr;
  *link = &membership;
}

void Connection::remove(Membership& membership) {
  for (Membership** link = &first_; *link; link = &(*link)->next) {
    if (*link != &membership) continue;
    *link = membership.next;
    return;
  }
}

Membership* Connection::find(std::string_view namespace_name) const {
  for (Membership* m = first_; m; m = m->next) {
    if (m->state != Membership::State::kLeft && *m->name == namespace_name) return m;
  }
  return nullptr;
}

bool Connection::is_full() const {
  std::size_t count = 0;
  for (const Membership* m = first_; m; m = m->next) ++count;
  return count >= kNamespacesMax;
}

Received Connection::on_text(Decoder& decoder, std::string_view message) {
  Received faulty;
  faulty.kind = Received::Kind::kFaulty;
  if (is_assembling()) return faulty;  // text among attachments
  assembly_.reset();
  const auto header = decoder.decode_header_counted(message);
  if (!header) return faulty;
  Received received = classify(decoder, *header);
  const bool starts = header->is_binary() && received.kind != Received::Kind::kFaulty;
  if (!starts) return received;
  assembly_ = std::make_unique<Assembly>();
  assembly_->message = message;
  assembly_->wanted = header->attachments;
  return {};
}

bool Connection::is_assembling() const {
  return assembly_ && !assembly_->delivered;
}

void Connection::forget_delivered() {
  if (assembly_ && assembly_->delivered) assembly_.reset();
}

Received Connection::on_binary(Decoder& decoder, std::string_view bytes, std::size_t bytes_max,
                               Attachments kept) {
  Received faulty;
  faulty.kind = Received::Kind::kFaulty;
  if (!is_assembling()) return faulty;
  assembly_->bytes += bytes.size();
  if (assembly_->bytes > bytes_max) return faulty;
  if (kept == Attachments::kKept) assembly_->attachments.emplace_back(bytes);
  if (++assembly_->arrived < assembly_->wanted) return {};
  assembly_->delivered = true;
  return complete(decoder);
}

// Whether the packet is allowed now, then whether its payload is: what comes for a namespace that
// was not joined is refused before its JSON is looked at.
Received Connection::classify(Decoder& decoder, const PacketHeader& header) {
  Received received;
  received.header = header;
  received.kind = Received::Kind::kFaulty;
  Membership* const membership = find(header.namespace_name);
  if (header.type == PacketType::kConnectError) return received;
  if (header.type == PacketType::kConnect) {
    if (membership) return received;
  } else if (!membership || membership->state != Membership::State::kJoined) {
    return received;
  }
  const auto payload = decoder.decode_payload(header);
  if (!payload) return received;
  received.payload = *payload;
  received.membership = membership;
  switch (header.type) {
    case PacketType::kConnect:
      received.kind = Received::Kind::kConnect;
      break;
    case PacketType::kDisconnect:
      received.kind = Received::Kind::kDisconnect;
      break;
    case PacketType::kAck:
    case PacketType::kBinaryAck:
      received.kind = Received::Kind::kAck;
      break;
    default:
      received.kind = payload->value.present() || payload->refused ? Received::Kind::kEvent
                                                                   : Received::Kind::kNothing;
  }
  return received;
}

// The last attachment is here. The socket may have been closed meanwhile, so all is checked again.
Received Connection::complete(Decoder& decoder) {
  const auto header = decode_header(assembly_->message);
  Received received = classify(decoder, *header);
  received.attachments = assembly_->attachments;
  return received;
}

}  // namespace maru::socketio
