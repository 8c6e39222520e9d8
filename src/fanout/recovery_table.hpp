// Who can be recovered, and what was delivered meanwhile (architecture.md, "Recovery"): pure, with
// a clock. The soft-state thread's.
//
// A pid is good for the recovery window and for one use. Past the bounds the sockets that left
// first are forgotten: they get a new session, as any client does whose pid is not known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "fanout/delivery_ring.hpp"
#include "fanout/recoverable_socket.hpp"
#include "fanout/soft_state.hpp"

namespace maru::fanout {

class RecoveryTable {
 public:
  // Over all sockets; at 20 bytes each.
  static constexpr std::size_t kChatsMax = 2'000'000;

  // A saved table that claims more is not one.
  static constexpr wire::Position kPositionMax = wire::Position{1} << 63;

  // `last_position`: nothing after it was delivered yet.
  RecoveryTable(const SoftStateOptions& options, const Clock& clock, wire::Position last_position);

  void delivered(wire::Position position, const ChatId& chat, Sequence sequence) {
    ring_.push(position, chat, sequence);
  }
  void socket_left(RecoverableSocket socket);
  void session_revoked(const SessionId& session);
  [[nodiscard]] std::optional<RecoverableSocket> find(std::string_view pid) const;
  // Forgets the pid, whatever the answer is.
  std::optional<Recovery> take(std::string_view pid, wire::Position offset);
  void expire();

  [[nodiscard]] std::size_t size() const { return sockets_.size(); }
  [[nodiscard]] wire::Position last_position() const { return ring_.last(); }

  // The whole table as bytes, for a graceful restart; see SoftState::save_to.
  [[nodiscard]] std::string save(std::string_view store_epoch) const;
  // Replaces this table. On an error (damaged, foreign) it stays as it was. Sockets whose window
  // has passed are left out.
  [[nodiscard]] Result<void> load(std::string_view bytes, std::string_view store_epoch);

 private:
  struct Left {
    RecoverableSocket socket;
    MonotonicTime until;
    std::uint64_t turn = 0;  // of its place in queue_
  };
  struct Turn {
    std::string pid;
    std::uint64_t turn = 0;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  using Sockets = std::unordered_map<std::string, Left, Hash, std::equal_to<>>;

  void keep(RecoverableSocket socket, MonotonicTime until);
  void forget(Sockets::iterator at);
  void forget_oldest();
  // Nothing: more than recovery_events_max are missing, or not all is known.
  [[nodiscard]] std::optional<std::vector<MissedChat>> collect_missed(
      const RecoverableSocket& socket, wire::Position offset) const;

  const SoftStateOptions options_;
  const Clock& clock_;
  DeliveryRing ring_;
  Sockets sockets_;
  std::unordered_multimap<SessionId, std::string> by_session_;
  std::deque<Turn> queue_;  // in the order of leaving, so of expiring; may name forgotten ones
  std::uint64_t next_turn_ = 0;
  std::size_t chat_count_ = 0;
};

}  // namespace maru::fanout
