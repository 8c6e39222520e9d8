// One socket of a client, as the gateway keeps it: who it is, which way its events go, how much of
// it is in flight. Small, for there are very many and most are idle: what only some need hangs on a
// pointer. Owner I/O thread only.
#pragma once

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

// How far an event has come through the rate limits.
enum class Admission : std::uint8_t { kNone, kConnection, kAll };

// An event that waits in line: its text, for views into the parser have ended.
struct HeldEvent {
  std::string text;
  std::optional<endpoint::AckId> ack;
  bool binary = false;
  Admission admission = Admission::kNone;
};

// What connection state recovery needs of a socket (architecture.md, "Recovery").
struct RecoveryState {
  std::string pid;
  // The highest offset that was sent. It never goes back, and stands still while a chat is pending:
  // an offset says that everything before it was seen, held events included.
  wire::Position last_position = 0;
  // What the client had seen when it was recovered: this thread's deliveries may lag behind that.
  wire::Position recovered_at = 0;
  std::uint32_t pending = 0;  // chats between attach_pending and release
  // What came for the user while the recovered socket was still being connected.
  std::vector<net::TextFrame> early;
};

class ClientSession final : public fanout::Listener {
 public:
  static constexpr std::size_t kHeldBytesMax = 256 * 1024;
  static constexpr std::size_t kEarlyFramesMax = 64;

  explicit ClientSession(RealtimeCore& core) : core_(core) {}
  ~ClientSession();

  // ---- fanout::Listener ----
  void deliver(const wire::WireEvent& event) override;
  void on_session_revoked(const wire::WireEvent& event) override;
  void on_detached(ChatId chat) override;
  void on_held_overflow(ChatId chat) override;

  // ---- attaching to chats (fanout/room_index.hpp has the four steps) ----
  // True: newly pending here, so that a failure later on detaches it again. kTooMany: see `result`.
  struct Attached {
    fanout::AttachResult result;
    bool is_new;
  };
  Attached attach(ChatId chat);
  // Whether it still is; false after it was detached or overflowed meanwhile.
  [[nodiscard]] bool is_attached(ChatId chat) const;
  void settle(ChatId chat, Sequence upto);
  void settle_recovered(ChatId chat, Sequence upto, Sequence floor);
  void abandon(ChatId chat, bool was_new);
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

  // ---- who ----
  SessionKey key = 0;
  endpoint::Socket* socket = nullptr;  // null while a recovered socket is being connected
  UserId user;                         // whose chats it hears; open mode: the user named last
  UserId login_user;                   // authenticated by `session`; zero: by none (open mode)
  SessionId session;
  std::uint16_t refusals = 0;  // rate_limited in a row
  bool revoked = false;
  std::unique_ptr<RecoveryState> recovery;  // null: off for this socket

 private:
  struct Held {
    std::deque<HeldEvent> events;
    std::size_t bytes = 0;
  };

  RealtimeCore& core_;
  std::unique_ptr<Held> held_;
  std::uint16_t in_flight_ = 0;
  std::uint8_t blockers_ = 0;
};
static_assert(sizeof(ClientSession) <= 160);

}  // namespace maru::gateway
