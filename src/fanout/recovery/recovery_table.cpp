#include "fanout/recovery/recovery_table.hpp"

#include <algorithm>
#include <utility>

namespace maru::fanout {
namespace {

std::size_t entries_of(const RecoverableSocket& socket) {
  return socket.chats.size() + socket.watched.size();
}

}  // namespace

RecoveryTable::RecoveryTable(const RecoveryOptions& options, const Clock& clock,
                             wire::Position last_position, Counters& counters)
    : options_(options),
      clock_(clock),
      counters_(counters),
      ring_(options.ring_max),
      accounts_(last_position) {
  ring_.reset(last_position);
}

void RecoveryTable::delivered(wire::Position position, const ChatId& chat, Sequence sequence) {
  // Some were not told to us: what came before is unknown.
  if (position != ring_.last() + 1) accounts_.reset(position - 1);
  ring_.push(position, chat, sequence);
}

void RecoveryTable::delivered_to_users(wire::Position position, std::span<const UserId> users) {
  delivered(position, ChatId(), Sequence());
  accounts_.push(position, users);
  accounts_.forget_before(ring_.first());
}

// ---- the living
// ------------------------------------------------------------------------------

std::optional<RecoveryTable::Pid> RecoveryTable::live_key(std::string_view pid) {
  if (pid.size() != kPidSize) return std::nullopt;
  Pid key;
  std::ranges::copy(pid, key.begin());
  return key;
}

void RecoveryTable::socket_opened(std::string_view pid, SocketOwner owner,
                                  wire::Position position) {
  // While nobody could be recovered nothing was told to us, and nothing is lost by going on from
  // where the first one begins.
  if (live_.empty() && sockets_.empty() && position > ring_.last()) {
    ring_.reset(position);
    accounts_.reset(position);
  }
  if (const auto left = sockets_.find(pid); left != sockets_.end()) {
    forget(left);
    ++counters_.recoveries;
  }
  if (const auto key = live_key(pid)) live_[*key] = owner;
}

std::optional<SocketOwner> RecoveryTable::find_live(std::string_view pid) const {
  const auto key = live_key(pid);
  if (!key) return std::nullopt;
  const auto found = live_.find(*key);
  if (found == live_.end()) return std::nullopt;
  return found->second;
}

bool RecoveryTable::end_life(std::string_view pid, SocketOwner owner) {
  const auto key = live_key(pid);
  if (!key) return true;
  const auto found = live_.find(*key);
  if (found == live_.end()) return true;
  if (found->second != owner) return false;
  live_.erase(found);
  return true;
}

void RecoveryTable::socket_ended(std::string_view pid, SocketOwner owner) {
  (void)end_life(pid, owner);
}

// ---- those that left
// -------------------------------------------------------------------------

void RecoveryTable::socket_left(RecoverableSocket socket, SocketOwner owner) {
  if (socket.pid.empty() || !end_life(socket.pid, owner)) return;
  keep(std::move(socket), {clock_.monotonic().ms + options_.window_ms});
}

void RecoveryTable::keep(RecoverableSocket socket, MonotonicTime until) {
  if (options_.pids_max == 0) return;
  socket.floors.resize(socket.chats.size());
  if (const auto old = sockets_.find(socket.pid); old != sockets_.end()) forget(old);
  while (!sockets_.empty() &&
         (sockets_.size() >= options_.pids_max || entry_count_ + entries_of(socket) > kChatsMax)) {
    forget_oldest();
    ++counters_.pids_evicted;
  }
  entry_count_ += entries_of(socket);
  if (!socket.session.is_zero()) by_session_.emplace(socket.session, socket.pid);
  queue_.push_back({socket.pid, next_turn_});
  std::string pid = socket.pid;
  sockets_.emplace(std::move(pid), Left{std::move(socket), until, next_turn_});
  ++next_turn_;
}

void RecoveryTable::forget(Sockets::iterator at) {
  if (const SessionId& session = at->second.socket.session; !session.is_zero()) {
    const auto [begin, end] = by_session_.equal_range(session);
    const auto named =
        std::find_if(begin, end, [&](const auto& entry) { return entry.second == at->first; });
    if (named != end) by_session_.erase(named);
  }
  entry_count_ -= entries_of(at->second.socket);
  sockets_.erase(at);
  // The queue keeps the forgotten for a while, but never more than the living and some.
  if (queue_.size() > 2 * sockets_.size() + 1024) {
    std::erase_if(queue_, [&](const Turn& turn) {
      const auto found = sockets_.find(turn.pid);
      return found == sockets_.end() || found->second.turn != turn.turn;
    });
  }
}

void RecoveryTable::forget_oldest() {
  while (!queue_.empty()) {
    const Turn turn = std::move(queue_.front());
    queue_.pop_front();
    const auto found = sockets_.find(turn.pid);
    if (found == sockets_.end() || found->second.turn != turn.turn) continue;
    forget(found);
    return;
  }
}

void RecoveryTable::expire() {
  const MonotonicTime now = clock_.monotonic();
  while (!queue_.empty()) {
    const auto found = sockets_.find(queue_.front().pid);
    const bool is_living = found != sockets_.end() && found->second.turn == queue_.front().turn;
    if (is_living && found->second.until > now) return;
    queue_.pop_front();
    if (is_living) forget(found);
  }
}

void RecoveryTable::session_revoked(const SessionId& session) {
  if (session.is_zero()) return;
  for (auto at = by_session_.find(session); at != by_session_.end();
       at = by_session_.find(session)) {
    const auto found = sockets_.find(at->second);
    if (found == sockets_.end()) {
      by_session_.erase(at);
    } else {
      forget(found);
    }
  }
}

std::optional<RecoverableSocket> RecoveryTable::find(std::string_view pid) const {
  const auto found = sockets_.find(pid);
  if (found == sockets_.end() || found->second.until <= clock_.monotonic()) return std::nullopt;
  return found->second.socket;
}

// ---- recovering
// ------------------------------------------------------------------------------

std::optional<Recovery> RecoveryTable::recover(std::string_view pid, wire::Position offset) {
  const auto found = sockets_.find(pid);
  if (found == sockets_.end() || found->second.until <= clock_.monotonic()) {
    ++counters_.refused_unknown;
    if (found != sockets_.end()) forget(found);
    return std::nullopt;
  }
  const RecoverableSocket& socket = found->second.socket;
  wire::Position after = 0;
  Counters::Count* obstacle = find_obstacle(socket, offset, after);
  auto missed = obstacle == nullptr ? collect_missed(socket, after) : std::nullopt;
  if (!missed) {
    ++*(obstacle == nullptr ? &counters_.refused_gone : obstacle);
    forget(found);
    return std::nullopt;
  }
  std::vector<Sequence> heads;
  heads.reserve(socket.chats.size());
  for (std::size_t i = 0; i < socket.chats.size(); ++i) {
    heads.push_back(std::max(ring_.newest_of(socket.chats[i]), socket.floors[i]));
  }
  return Recovery{socket, std::move(*missed), std::move(heads)};
}

Counters::Count* RecoveryTable::find_obstacle(const RecoverableSocket& socket,
                                              wire::Position offset, wire::Position& after) const {
  if (offset == 0 || offset > ring_.last()) return &counters_.refused_offset;  // none of ours
  after = offset;
  if (socket.left_at != 0 && offset >= socket.last_delivered) {
    after = std::max(after, socket.left_at);
  }
  if (!ring_.covers(after) || !accounts_.covers(after)) return &counters_.refused_gone;
  if (accounts_.newest_of(socket.user) > after) return &counters_.refused_account;
  return nullptr;
}

std::optional<std::vector<MissedChat>> RecoveryTable::collect_missed(
    const RecoverableSocket& socket, wire::Position after) const {
  std::vector<MissedChat> missed;
  std::size_t count = 0;
  for (std::size_t i = 0; i < socket.chats.size(); ++i) {
    MissedChat chat{socket.chats[i], {}};
    ring_.visit_back(chat.chat, after, [&](wire::Position position, Sequence sequence) {
      if (sequence <= socket.floors[i]) return false;
      chat.records.emplace_back(sequence, position);
      return ++count <= options_.events_max;
    });
    if (count > options_.events_max) return std::nullopt;
    if (chat.records.empty()) continue;
    std::ranges::reverse(chat.records);
    missed.push_back(std::move(chat));
  }
  return missed;
}

}  // namespace maru::fanout
