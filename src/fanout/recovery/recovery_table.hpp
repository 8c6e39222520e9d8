// Who can be recovered, and what was delivered meanwhile (architecture.md, "Recovery"): pure, with
// a clock. The recovery thread's.
//
// A pid is good for the recovery window and until a socket has gone on with it, so that a
// connection that dies on the way costs nothing. While a socket lives, its pid says whose it is: a
// client whose address changed comes back before its old connection is known to be dead. Past the
// bounds the sockets that left first are forgotten: they get a new session, as any client does
// whose pid is not known.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "fanout/counters.hpp"
#include "fanout/recovery/account_events.hpp"
#include "fanout/recovery/delivery_ring.hpp"
#include "fanout/recovery/recoverable_socket.hpp"
#include "fanout/recovery/socket_recovery.hpp"

namespace maru::fanout {

class RecoveryTable {
 public:
  // Chats and watched users over all sockets; at 20 bytes and less each.
  static constexpr std::size_t kChatsMax = 2'000'000;

  // A saved table that claims more is not one.
  static constexpr wire::Position kPositionMax = wire::Position{1} << 63;

  // `last_position`: nothing after it was delivered yet.
  RecoveryTable(const RecoveryOptions& options, const Clock& clock, wire::Position last_position,
                Counters& counters);

  void delivered(wire::Position position, const ChatId& chat, Sequence sequence);
  // chatAdded, chatRemoved.
  void delivered_to_users(wire::Position position, std::span<const UserId> users);
  // The socket lives, fresh or recovered, and its `hello` said `position`.
  void socket_opened(std::string_view pid, SocketOwner owner, wire::Position position);
  // It does no more: to be recovered, or for good. Nothing happens if another has the pid by now.
  void socket_left(RecoverableSocket socket, SocketOwner owner);
  void socket_ended(std::string_view pid, SocketOwner owner);
  void session_revoked(const SessionId& session);
  [[nodiscard]] std::optional<RecoverableSocket> find(std::string_view pid) const;
  [[nodiscard]] std::optional<SocketOwner> find_live(std::string_view pid) const;
  // What the socket missed. The pid stays until socket_opened(), unless the answer is nothing.
  std::optional<Recovery> recover(std::string_view pid, wire::Position offset);
  void expire();

  [[nodiscard]] std::size_t size() const { return sockets_.size(); }
  [[nodiscard]] wire::Position last_position() const { return ring_.last(); }

  // The whole table as bytes, for a graceful restart; see SocketRecovery::save_to.
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
  // The living are many: a pid of the usual size without a heap block of its own. Others (of tests)
  // are not kept among them.
  static constexpr std::size_t kPidSize = 20;
  using Pid = std::array<char, kPidSize>;
  struct PidHash {
    std::size_t operator()(const Pid& pid) const noexcept {
      return std::hash<std::string_view>()({pid.data(), pid.size()});
    }
  };
  static std::optional<Pid> live_key(std::string_view pid);
  // False: another socket has that pid.
  bool end_life(std::string_view pid, SocketOwner owner);

  void keep(RecoverableSocket socket, MonotonicTime until);
  void forget(Sockets::iterator at);
  void forget_oldest();
  // Null: it can be recovered from `offset`, and `after` says from where on it may miss something.
  // Otherwise the counter of the reason.
  [[nodiscard]] Counters::Count* find_obstacle(const RecoverableSocket& socket,
                                               wire::Position offset, wire::Position& after) const;
  // Nothing: more than events_max.
  [[nodiscard]] std::optional<std::vector<MissedChat>> collect_missed(
      const RecoverableSocket& socket, wire::Position after) const;

  const RecoveryOptions options_;
  const Clock& clock_;
  Counters& counters_;
  DeliveryRing ring_;
  AccountEvents accounts_;
  Sockets sockets_;
  std::unordered_map<Pid, SocketOwner, PidHash> live_;
  std::unordered_multimap<SessionId, std::string> by_session_;
  std::deque<Turn> queue_;  // in the order of leaving, so of expiring; may name forgotten ones
  std::uint64_t next_turn_ = 0;
  std::size_t entry_count_ = 0;  // chats and watched users
};

}  // namespace maru::fanout
