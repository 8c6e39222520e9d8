#include "gateway/events/session_check.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "gateway/events/realtime_core.hpp"
#include "gateway/identity/session_activity.hpp"
#include "gateway/tasks/asking.hpp"
#include "json/writer.hpp"

namespace maru::gateway {
namespace {

constexpr std::int64_t kRoundMs = 1'000;
constexpr std::size_t kSocketsPerQuery = 256;  // chained, spread over the round
constexpr std::size_t kRounds = 50;  // every socket within that many, so well within a minute
constexpr std::int64_t kTouchAfterMs = 10 * 60 * 1000;

void end_session(RealtimeCore& core, SessionKey key) {
  ClientSession* session = core.sessions.find(key);
  if (session == nullptr || session->socket == nullptr || session->revoked) return;
  session->revoked = true;
  std::string payload;
  json::Writer(payload).begin_object().key("sessionId").id(session->session).end_object();
  session->socket->send(wire::make_event("sessionRevoked", payload));
  session->socket->disconnect(endpoint::Disconnect::kWithTransport);
}

// However the rounds end (without memory, or dropped), the next socket begins them again.
class Running {
 public:
  explicit Running(SessionCheckState& state) : state_(state) { state_.is_running = true; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() { state_.is_running = false; }

 private:
  SessionCheckState& state_;
};

std::vector<CheckedSocket> next_batch(RealtimeCore& core) {
  SessionCheckState& state = core.checks;
  std::vector<CheckedSocket> batch;
  const auto add = [&](const ClientSession* session) {
    if (session == nullptr || session->session.is_zero() || session->revoked) return;
    batch.push_back({session->key, session->login_user, session->session});
  };
  for (const SessionKey key : std::exchange(state.soon, {})) add(core.sessions.find(key));
  const std::size_t slots = core.sessions.slot_count();
  for (std::size_t i = 0, share = (slots + kRounds - 1) / kRounds; i < share; ++i) {
    if (state.next_slot >= slots) state.next_slot = 0;
    add(core.sessions.at_slot(state.next_slot++));
  }
  std::ranges::sort(batch, {}, &CheckedSocket::user);
  return batch;
}

std::vector<CheckedSocket> take_part(std::vector<CheckedSocket>& batch) {
  const std::size_t kept = batch.size() - std::min(batch.size(), kSocketsPerQuery);
  std::vector<CheckedSocket> part(batch.begin() + static_cast<std::ptrdiff_t>(kept), batch.end());
  batch.resize(kept);
  return part;
}

// What cannot be read now comes round again.
Task<void> check_part(RealtimeCore& core, std::vector<CheckedSocket> part) {
  if (part.empty()) co_return;
  const Result<CheckedSessions> seen = co_await ask(
      core.context.queries, chat::Lane::kUrgent, nullptr, [&](chat::Snapshot& snapshot) {
        return look_at_sessions(snapshot, part, core.context.lifetimes.wall());
      });
  if (!seen) co_return;
  for (const SessionKey key : seen->ended) end_session(core, key);
  for (const auto& [session, used] : seen->used) core.context.activity.session_used(session, used);
}

// The round's parts, spread over what is left of it.
Task<void> run_round(RealtimeCore& core) {
  const std::int64_t ends_ms = core.context.clock.monotonic().ms + kRoundMs;
  std::vector<CheckedSocket> batch = next_batch(core);
  do {
    co_await check_part(core, take_part(batch));
    const std::int64_t left_ms = ends_ms - core.context.clock.monotonic().ms;
    const auto parts =
        static_cast<std::int64_t>((batch.size() + kSocketsPerQuery - 1) / kSocketsPerQuery);
    co_await core.later(std::max<std::int64_t>(left_ms, 0) / (parts + 1));
  } while (!batch.empty());
}

Task<void> run_rounds(RealtimeCore& core) {
  const Running running(core.checks);
  co_await core.later(kRoundMs);
  while (core.sessions.size() > 0) {
    core.context.activity.flush_when_due();
    co_await run_round(core);
  }
  core.context.activity.flush_when_due();
  core.checks.soon.clear();
}

}  // namespace

Result<CheckedSessions> look_at_sessions(chat::Snapshot& snapshot,
                                         const std::vector<CheckedSocket>& batch, WallTime now) {
  CheckedSessions outcome;
  std::vector<chat::LoginSession> sessions;
  std::optional<UserId> listed;
  for (const CheckedSocket& one : batch) {
    if (listed != one.user) {
      auto list = snapshot.list_sessions(one.user);
      if (!list) return std::unexpected(std::move(list.error()));
      sessions = std::move(*list);
      listed = one.user;
    }
    const auto found = std::ranges::find(sessions, one.session, &chat::LoginSession::id);
    if (found == sessions.end()) {
      outcome.ended.push_back(one.key);
    } else if (found->last_used_at.ms + kTouchAfterMs <= now.ms) {
      outcome.used.emplace_back(one.session, found->last_used_at);
    }
  }
  return outcome;
}

void check_soon(RealtimeCore& core, const ClientSession& session) {
  if (!session.session.is_zero()) core.checks.soon.push_back(session.key);
  if (!core.checks.is_running) core.start(run_rounds(core));
}

}  // namespace maru::gateway
