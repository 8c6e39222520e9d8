// The state of one Engine.IO session without I/O: packets and time in, what to do out
// (protocol.md 1.3, 1.6, 1.7). Heartbeat, upgrade, and which packet means what on which transport.
//
// 24 bytes, so that an idle session costs little; what all sessions share is handed in as Timing.
// One thread. Deadlines count as reached up to kEarlyMs before their time, because timers fire on
// the tick before (net/timer_wheel.hpp): a time-out may be early, never late.
#pragma once

#include <cstdint>
#include <limits>

#include "base/clock.hpp"
#include "engineio/packet.hpp"

namespace maru::engineio {

struct Timing {
  std::int64_t ping_interval_ms = 25'000;
  std::int64_t ping_timeout_ms = 20'000;
  std::int64_t upgrade_timeout_ms = 10'000;
};

enum class Transport : std::uint8_t { kPolling, kWebSocket };

class Session {
 public:
  static constexpr std::int64_t kEarlyMs = 8;
  static constexpr std::int64_t kNoopIntervalMs = 100;
  static constexpr MonotonicTime kNever{std::numeric_limits<std::int64_t>::max()};

  // The first ping comes `early_ms` before its interval is over (jitter; 0 ≤ early_ms < interval).
  Session(Transport transport, MonotonicTime now, const Timing& timing, std::int64_t early_ms);

  [[nodiscard]] Transport transport() const { return transport_; }
  [[nodiscard]] bool is_upgrading() const { return upgrading_; }

  // --- A packet on the session's transport.
  enum class Verdict : std::uint8_t {
    kIgnore,   // a pong, or one that means nothing here
    kMessage,  // for the application
    kClose,    // the client says good-bye
    kFaulty,   // a ping: the wrong direction for a heartbeat; close
  };
  // `early_ms`, as for the first ping, is looked at with a pong only.
  [[nodiscard]] Verdict on_packet(const Packet& packet, MonotonicTime now, const Timing& timing,
                                  std::int64_t early_ms);

  // --- The upgrade: a WebSocket has come for a polling session. False: it is not wanted.
  [[nodiscard]] bool begin_upgrade(MonotonicTime now, const Timing& timing);
  enum class ProbeVerdict : std::uint8_t {
    kAnswer,    // with kProbePongPacket
    kComplete,  // the session is on the WebSocket from now on
    kRefuse,    // close the WebSocket; the session goes on polling
  };
  [[nodiscard]] ProbeVerdict on_probe_packet(const Packet& packet, MonotonicTime now);
  // The WebSocket was lost or refused before it was taken.
  void abandon_upgrade();

  // --- Time.
  struct Due {
    bool ping = false;             // send kPingPacket
    bool ping_timeout = false;     // close the session
    bool noop = false;             // answer a pending GET with kNoopPacket
    bool upgrade_timeout = false;  // close the upgrading WebSocket; the session goes on polling
  };
  [[nodiscard]] Due on_time(MonotonicTime now, const Timing& timing);
  [[nodiscard]] MonotonicTime next_deadline() const;

  // --- Back-pressure: while the server does not read, silence is not the client's.
  void pause() { paused_ = true; }
  void resume(MonotonicTime now, const Timing& timing);

 private:
  [[nodiscard]] MonotonicTime next_noop() const;

  MonotonicTime heartbeat_at_;    // the next ping, or the end of the wait for a pong
  MonotonicTime upgrade_by_{0};   // while upgrading_
  std::uint16_t noops_left_ = 0;  // until upgrade_by_, one every kNoopIntervalMs
  Transport transport_;
  bool awaiting_pong_ : 1 = false;
  bool upgrading_ : 1 = false;
  bool probed_ : 1 = false;
  bool paused_ : 1 = false;
};
static_assert(sizeof(Session) <= 24);

}  // namespace maru::engineio
