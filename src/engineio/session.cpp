#include "engineio/session.hpp"

#include <algorithm>
#include <limits>

namespace maru::engineio {
namespace {

// A timer that fires later than this was held up by something else than its tick; the wait for the
// pong then begins when the ping really goes out.
constexpr std::int64_t kLateMs = 50;

MonotonicTime after(MonotonicTime time, std::int64_t ms) {
  return MonotonicTime{time.ms + ms};
}

}  // namespace

Session::Session(Transport transport, MonotonicTime now, const Timing& timing,
                 std::int64_t early_ms)
    : heartbeat_at_(after(now, timing.ping_interval_ms - early_ms)), transport_(transport) {}

Session::Verdict Session::on_packet(const Packet& packet, MonotonicTime now, const Timing& timing,
                                    std::int64_t early_ms) {
  switch (packet.type) {
    case PacketType::kMessage:
      return Verdict::kMessage;
    case PacketType::kPong:
      awaiting_pong_ = false;
      heartbeat_at_ = after(now, timing.ping_interval_ms - early_ms);
      return Verdict::kIgnore;
    case PacketType::kClose:
      return Verdict::kClose;
    case PacketType::kPing:
      return Verdict::kFaulty;
    case PacketType::kOpen:
    case PacketType::kUpgrade:
    case PacketType::kNoop:
      break;
  }
  return Verdict::kIgnore;
}

bool Session::begin_upgrade(MonotonicTime now, const Timing& timing) {
  if (transport_ != Transport::kPolling || upgrading_) return false;
  upgrading_ = true;
  probed_ = false;
  upgrade_by_ = after(now, timing.upgrade_timeout_ms);
  noops_left_ = 0;
  return true;
}

Session::ProbeVerdict Session::on_probe_packet(const Packet& packet, MonotonicTime now) {
  if (packet.type == PacketType::kUpgrade) {
    upgrading_ = false;
    transport_ = Transport::kWebSocket;
    return ProbeVerdict::kComplete;
  }
  if (packet.type != PacketType::kPing || packet.data != "probe") return ProbeVerdict::kRefuse;
  if (!probed_) {
    probed_ = true;
    const std::int64_t left = (upgrade_by_.ms - now.ms - 1) / kNoopIntervalMs;
    noops_left_ = static_cast<std::uint16_t>(
        std::clamp<std::int64_t>(left, 0, std::numeric_limits<std::uint16_t>::max()));
  }
  return ProbeVerdict::kAnswer;
}

void Session::abandon_upgrade() {
  upgrading_ = false;
}

MonotonicTime Session::next_noop() const {
  return MonotonicTime{upgrade_by_.ms - noops_left_ * kNoopIntervalMs};
}

Session::Due Session::on_time(MonotonicTime now, const Timing& timing) {
  const MonotonicTime reached = after(now, kEarlyMs);
  Due due;
  if (upgrading_) {
    due.upgrade_timeout = upgrade_by_ <= reached;
    // Again and again: a client may have sent one more GET before it heard of the probe's success.
    while (noops_left_ > 0 && next_noop() <= reached) {
      due.noop = true;
      --noops_left_;
    }
  }
  if (heartbeat_at_ > reached) return due;
  if (!awaiting_pong_) {
    due.ping = true;
    awaiting_pong_ = true;
    const bool late = now.ms - heartbeat_at_.ms > kLateMs;
    heartbeat_at_ = after(late ? now : heartbeat_at_, timing.ping_timeout_ms);
  } else {
    due.ping_timeout = !paused_;
  }
  return due;
}

MonotonicTime Session::next_deadline() const {
  MonotonicTime next = paused_ && awaiting_pong_ ? kNever : heartbeat_at_;
  if (upgrading_) next = std::min(next, noops_left_ > 0 ? next_noop() : upgrade_by_);
  return next;
}

void Session::resume(MonotonicTime now, const Timing& timing) {
  if (!paused_) return;
  paused_ = false;
  // What the client said meanwhile has still to be read.
  if (awaiting_pong_) {
    heartbeat_at_ = std::max(heartbeat_at_, after(now, timing.ping_timeout_ms));
  }
}

}  // namespace maru::engineio
