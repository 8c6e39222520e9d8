// Who is online (product.md, "Presence"): pure, with a clock. The presence thread's.
//
// Online = at least one authenticated connection, or named within the last while (open mode);
// offline a grace after the last of these ended; or while another node says so. What changed is
// taken out as pushes, at most one a user and interval; a change that is undone before its push is
// never pushed.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "chat/ports/presence_registry.hpp"
#include "fanout/presence/presence.hpp"

namespace maru::fanout {

struct PresencePush {
  UserId user;
  bool online = false;
  std::optional<WallTime> last_seen_at;  // offline only
};

class PresenceBoard {
 public:
  // A user that nobody connects as here is not taken in past this many.
  static constexpr std::size_t kUsersMax = 2'000'000;
  // Last-seen times that wait for being written. Past it further ones are not recorded.
  static constexpr std::size_t kUnwrittenMax = 1'000'000;

  PresenceBoard(const PresenceOptions& options, const Clock& clock)
      : options_(options), clock_(clock) {}

  void opened(const UserId& user);
  void closed(const UserId& user);  // fine for one that was never opened
  void named(const UserId& user);
  void logged_out(const UserId& user);  // offline now, with connections or without, until the next
                                        // opened() or named()
  // What another node says (PresenceRegistry::Heard). The users of a node that has gone get the
  // grace; one whom it says to be offline has had it there.
  void heard(const NodeId& node, std::span<const chat::PresenceRegistry::Change> changes,
             bool is_all);
  // Appends who came online here or went offline here since the last call, in order.
  void take_local_changes(std::vector<chat::PresenceRegistry::Change>& out);

  [[nodiscard]] bool is_online(const UserId& user) const;
  [[nodiscard]] std::vector<UserId> online_users(std::size_t limit) const;
  [[nodiscard]] std::size_t size() const { return users_.size(); }

  // Lets time pass; appends what is to be pushed now, and counts it as pushed.
  void advance(std::vector<PresencePush>& pushes);
  // The push did not go out to everyone: it is due again after the interval.
  void push_failed(const UserId& user);
  [[nodiscard]] std::optional<MonotonicTime> next_due() const;

  // Appends up to `limit` of the last-seen times that wait to be written.
  void take_last_seen(std::size_t limit, std::vector<std::pair<UserId, WallTime>>& out);
  void put_back_last_seen(const std::vector<std::pair<UserId, WallTime>>& times);
  [[nodiscard]] bool has_last_seen() const { return !unwritten_.empty(); }
  // Everyone who is online was seen now (at a stop).
  void touch_online();

 private:
  struct User {
    std::uint32_t connections = 0;
    std::uint32_t nodes = 0;  // others that have the user online
    bool online = false;      // here, as decided
    bool announced = false;   // as pushed last
    bool push_again = false;  // the last push failed
    WallTime seen_at{};
    MonotonicTime online_until{};        // when connections == 0
    MonotonicTime gone_until{};          // online still, though the last node that said so is gone
    MonotonicTime next_push_at{};        // not before
    std::optional<MonotonicTime> timer;  // its place in timers_
  };
  using Timer = std::pair<MonotonicTime, UserId>;
  using Users = std::unordered_map<UserId, User>;

  void set_online(const UserId& id, User& user, bool online);
  [[nodiscard]] static bool is_visible(const User& user, MonotonicTime now) {
    return user.online || user.nodes > 0 || now < user.gone_until;
  }
  void came_elsewhere(const NodeId& node, const UserId& id);
  void left_elsewhere(const NodeId& node, const UserId& id, std::int64_t grace_ms);
  void record_seen(const UserId& id, const User& user);
  void keep_until(const UserId& id, User& user, std::int64_t for_ms);
  void arm(const UserId& id, User& user, MonotonicTime at);
  // What happens to a user when its timer fires. False: nothing is left to remember of it.
  bool settle(const UserId& id, User& user, MonotonicTime now, std::vector<PresencePush>& pushes);

  const PresenceOptions options_;
  const Clock& clock_;
  Users users_;
  // At most one valid timer a user; one that was moved earlier leaves a stale entry, which its
  // firing drops.
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::unordered_map<UserId, WallTime> unwritten_;
  std::unordered_map<NodeId, std::unordered_set<UserId>> elsewhere_;
  std::vector<chat::PresenceRegistry::Change> local_changes_;
};

}  // namespace maru::fanout
