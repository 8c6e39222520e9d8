#include "gateway/events/client_session.hpp"

#include <algorithm>
#include <utility>

#include "gateway/events/realtime_core.hpp"

namespace maru::gateway {
namespace {

// `42[name,payload]` → `42[name,payload,"offset"]`
net::TextFrame add_offset(const net::TextFrame& plain, wire::Position position) {
  std::string packet(plain.payload());
  packet.pop_back();
  packet += ",\"";
  wire::append_offset(packet, position);
  packet += "\"]";
  return net::TextFrame::make(packet);
}

}  // namespace

ClientSession::~ClientSession() = default;

void ClientSession::deliver(const wire::WireEvent& event) {
  if (recovery == nullptr) {
    if (socket != nullptr) socket->send(event.plain);
    return;
  }
  RecoveryState& state = *recovery;
  if (socket == nullptr) {
    if (state.early == nullptr) state.early = std::make_unique<std::vector<net::TextFrame>>();
    // Past the bound it cannot go on where it was: it gets a fresh socket.
    state.lost_early = state.lost_early || state.early->size() >= kEarlyFramesMax;
    if (!state.lost_early) state.early->push_back(event.plain);
    return;
  }
  const bool carries_offset = event.position > state.last_position;
  if (!carries_offset) {
    socket->send(event.plain);
    return;
  }
  state.last_position = event.position;
  // Encoded before this node had a socket with recovery: an event without its offset would be
  // repeated by the next recovery.
  socket->send(event.with_offset.empty() ? add_offset(event.plain, event.position)
                                         : event.with_offset);
}

void ClientSession::on_session_revoked(const wire::WireEvent& event) {
  if (socket != nullptr && !revoked) socket->send(event.plain);
  revoked = true;
  // Later: the index does not want to be changed from within its delivery.
  core_.post_self([&core = core_, key = key] {
    ClientSession* self = core.sessions.find(key);
    if (self != nullptr && self->socket != nullptr) {
      self->socket->disconnect(endpoint::Disconnect::kWithTransport);
    }
  });
}

// The client learns of it from the stream itself (its own leave record, chatRemoved), or from the
// answer that is still to come: whoever attaches looks again before it answers.
void ClientSession::on_detached(ChatId) {}
void ClientSession::on_held_overflow(ChatId) {
  ++core_.context.recovery.counters().held_overflows;
}

void ClientSession::on_event_lost() {
  if (recovery != nullptr) recovery->lost_early = recovery->lost_event = true;
  if (socket != nullptr) socket->disconnect(endpoint::Disconnect::kTransportOnly);
}

fanout::AttachResult ClientSession::attach(ChatId chat) {
  return core_.rooms.attach_pending(chat, *this);
}

bool ClientSession::is_attached(ChatId chat) const {
  return core_.rooms.is_attached(chat, *this);
}

void ClientSession::settle(ChatId chat, Sequence upto) {
  core_.rooms.release(chat, *this, upto);
}

void ClientSession::settle_recovered(ChatId chat, Sequence upto, Sequence floor) {
  core_.rooms.release(chat, *this, upto, floor);
}

void ClientSession::abandon(ChatId chat) {
  core_.rooms.abandon(chat, *this);
}

void ClientSession::detach(ChatId chat) {
  core_.rooms.detach(chat, *this);
}

void ClientSession::block(Blocker blocker) {
  const bool was_open = is_open();
  blockers_ |= static_cast<std::uint8_t>(blocker);
  if (was_open && socket != nullptr) socket->pause_reading();
}

void ClientSession::unblock(Blocker blocker) {
  if (is_open()) return;
  blockers_ &= static_cast<std::uint8_t>(~static_cast<std::uint8_t>(blocker));
  if (is_open() && socket != nullptr) socket->resume_reading();
}

bool ClientSession::hold(HeldEvent event) {
  if (held_ == nullptr) held_ = std::make_unique<Held>();
  if (held_->bytes + event.text.size() > kHeldBytesMax) return false;
  held_->bytes += event.text.size();
  held_->events.push_back(std::move(event));
  return true;
}

void ClientSession::hold_first(HeldEvent event) {
  if (held_ == nullptr) held_ = std::make_unique<Held>();
  held_->bytes += event.text.size();
  held_->events.push_front(std::move(event));
}

HeldEvent ClientSession::take_held() {
  HeldEvent event = std::move(held_->events.front());
  held_->bytes -= event.text.size();
  held_->events.pop_front();
  if (held_->events.empty()) held_.reset();
  return event;
}

void ClientSession::begin_wait() {
  if (waits_++ == 0) block(Blocker::kLookup);
}

void ClientSession::end_wait() {
  if (--waits_ == 0) unblock(Blocker::kLookup);
}

void ClientSession::begin_operation(std::size_t in_flight_max) {
  if (++in_flight_ >= std::min(in_flight_max, kInFlightMax)) block(Blocker::kBusy);
}

void ClientSession::end_operation(std::size_t in_flight_max) {
  if (--in_flight_ < std::min(in_flight_max, kInFlightMax)) unblock(Blocker::kBusy);
}

}  // namespace maru::gateway
