#include "gateway/events/session_check.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "base/memory.hpp"
#include "gateway/events/realtime_core.hpp"
#include "gateway/identity/session_activity.hpp"
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

void run_round(RealtimeCore& core);

// Without memory for it the rounds end, until the next socket comes.
void go_on_or_stop(RealtimeCore& core, void (*step)(RealtimeCore&)) {
  if (!memory::survive([&] { step(core); })) core.checks.is_running = false;
}

void schedule(RealtimeCore& core) {
  core.checks.is_running = true;
  core.delays.after(kRoundMs, [&core] { go_on_or_stop(core, run_round); });
}

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

// The next part of the round's sockets; then the next round.
void run_part(RealtimeCore& core);

void go_on(RealtimeCore& core) {
  const SessionCheckState& state = core.checks;
  const std::int64_t left_ms = state.round_ends.ms - core.context.clock.monotonic().ms;
  const auto parts =
      static_cast<std::int64_t>((state.batch.size() + kSocketsPerQuery - 1) / kSocketsPerQuery);
  core.delays.after(std::max<std::int64_t>(left_ms, 0) / (parts + 1),
                    [&core, parts] { go_on_or_stop(core, parts > 0 ? run_part : run_round); });
}

void run_part(RealtimeCore& core) {
  std::vector<CheckedSocket>& batch = core.checks.batch;
  const std::size_t kept = batch.size() - std::min(batch.size(), kSocketsPerQuery);
  std::vector<CheckedSocket> part(batch.begin() + static_cast<std::ptrdiff_t>(kept), batch.end());
  batch.resize(kept);
  const bool posted = core.context.queries.post(
      chat::Lane::kUrgent, [&core, part = std::move(part)](chat::Snapshot& snapshot) {
        const memory::Patience patience;  // the round goes on with its answer
        auto outcome = look_at_sessions(snapshot, part, core.context.lifetimes.wall());
        core.post_self([&core, outcome = std::move(outcome)] {
          go_on_or_stop(core, go_on);
          if (!outcome) return;
          for (const SessionKey key : outcome->ended) end_session(core, key);
          for (const auto& [session, used] : outcome->used)
            core.context.activity.session_used(session, used);
        });
      });
  if (!posted) go_on(core);  // the readers are full: those sockets come round again
}

void run_round(RealtimeCore& core) {
  core.checks.is_running = false;
  core.context.activity.flush_when_due();
  if (core.sessions.size() == 0) {
    core.checks.soon.clear();
    return;
  }
  core.checks.is_running = true;
  core.checks.round_ends = {core.context.clock.monotonic().ms + kRoundMs};
  core.checks.batch = next_batch(core);
  if (core.checks.batch.empty()) return go_on(core);
  run_part(core);
}

}  // namespace

std::optional<CheckedSessions> look_at_sessions(chat::Snapshot& snapshot,
                                                const std::vector<CheckedSocket>& batch,
                                                WallTime now) {
  CheckedSessions outcome;
  std::vector<chat::LoginSession> sessions;
  std::optional<UserId> listed;
  for (const CheckedSocket& one : batch) {
    if (listed != one.user) {
      auto list = snapshot.list_sessions(one.user);
      if (!list) return std::nullopt;  // next round
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
  if (!core.checks.is_running) schedule(core);
}

}  // namespace maru::gateway
