// One socket of a client, as the gateway keeps it: who it is, which way its events go, how much of
// it is in flight. Small, for there are very many and most are idle: what only some need hangs on a
// pointer. Owner I/O thread only.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "endpoint/socket.hpp"
#include "fanout/room_index.hpp"
#include "gateway/events/session_table.hpp"

namespace maru::gateway {

class RealtimeCore;

// Why a socket's events wait in line instead of being handled.
enum class Blocker : std::uint8_t {
  kLookup = 1,   // an answer decides who asks, or whether an earlier event comes first
  kDelayed = 2,  // over its rate: read later (quality.md 1, row 23)
  kBusy = 4,     // commands_in_flight_max is reached
};

// An event that waits in line: its text, for views into the parser have ended.
struct HeldEvent {
  std::string text;
  std::optional<endpoint::AckId> ack;
  bool binary = false;
  bool has_paid = false;       // its connection's rate
  std::int64_t waited_ms = 0;  // for its rate, so far
};

// What connection state recovery needs of a socket (architecture.md, "Recovery").
struct RecoveryState {
  static constexpr std::size_t kPidSize = 20;

  [[nodiscard]] std::string_view pid_text() const { return {pid.data(), pid.size()}; }

  std::array<char, kPidSize> pid{};
  bool has_left = false;          // what it leaves behind was taken already
  bool spoke_for_others = false;  // open mode: its chats may be of several users
  bool lost_early = false;        // more came early than is kept
  bool lost_event = false;        // there was no memory for one: only its client knows what it has
  // The highest offset that was sent. It never goes back: an offset says that everything before it
  // was seen (fanout::Order::kByPosition).
  wire::Position last_position = 0;
  // What came for the user while the recovered socket was still being connected.
  std::unique_ptr<std::vector<net::TextFrame>> early;
};

class ClientSession final : public fanout::Listener {
 public:
  // First the small ones: they fit behind what Listener has.
  bool revoked = false;
  std::uint16_t refusals = 0;  // rate_limited in a row

 private:
  std::uint16_t in_flight_ = 0;
  std::uint8_t blockers_ = 0;
  std::uint8_t waits_ = 0;

 public:
  // commands_in_flight_max counts as no more than this.
  static constexpr std::size_t kInFlightMax = 32'768;
  static constexpr std::size_t kHeldBytesMax = 256 * 1024;
  static constexpr std::size_t kEarlyFramesMax = 64;

  explicit ClientSession(RealtimeCore& core) : core_(core) {}
  ~ClientSession();

  // ---- fanout::Listener ----
  void deliver(const wire::WireEvent& event) override;
  void on_session_revoked(const wire::WireEvent& event) override;
  void on_detached(ChatId chat) override;
  void on_held_overflow(ChatId chat) override;
  void on_event_lost() override;

  // ---- attaching to chats (fanout/room_index.hpp has the four steps) ----
  // Each attach() but kTooMany is followed by one settle() or abandon(). The events that attach
  // wait for each other (Input::kWaits), so that what is pending is always the caller's own.
  fanout::AttachResult attach(ChatId chat);
  // Whether it still is; false after it was detached or overflowed meanwhile.
  [[nodiscard]] bool is_attached(ChatId chat) const;
  void settle(ChatId chat, Sequence upto);
  void settle_recovered(ChatId chat, Sequence upto, Sequence floor);
  void abandon(ChatId chat);
  void detach(ChatId chat);

  // ---- input in line ----
  [[nodiscard]] bool is_open() const { return blockers_ == 0; }
  void block(Blocker blocker);
  void unblock(Blocker blocker);
  [[nodiscard]] bool has_held() const { return held_ != nullptr; }
  // False: too much is waiting, the event must be refused.
  [[nodiscard]] bool hold(HeldEvent event);
  void hold_first(HeldEvent event);
  HeldEvent take_held();

  void begin_operation(std::size_t in_flight_max);
  void end_operation(std::size_t in_flight_max);
  // Counted: a look may begin the next one before it ends itself.
  void begin_wait();
  void end_wait();

  // ---- who ----
  SessionKey key = 0;
  endpoint::Socket* socket = nullptr;  // null while a recovered socket is being connected
  UserId user;                         // whose chats it hears; open mode: the user named last
  UserId login_user;                   // authenticated by `session`; zero: by none (open mode)
  SessionId session;
  std::unique_ptr<RecoveryState> recovery;  // null: off for this socket

 private:
  struct Held {
    std::deque<HeldEvent> events;
    std::size_t bytes = 0;
  };

  RealtimeCore& core_;
  std::unique_ptr<Held> held_;
};
static_assert(sizeof(ClientSession) <= 120);

}  // namespace maru::gateway
