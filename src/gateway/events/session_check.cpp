#include "gateway/events/session_check.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "gateway/events/realtime_core.hpp"
#include "json/writer.hpp"

namespace maru::gateway {
namespace {

constexpr std::int64_t kRoundMs = 1'000;
constexpr std::size_t kRounds = 50;  // every socket within that many, so well within a minute
constexpr std::int64_t kTouchAfterMs = 10 * 60 * 1000;
constexpr std::size_t kTouchedMax = 4096;

struct Checked {
  SessionKey key;
  UserId user;
  SessionId session;
};

struct Outcome {
  std::vector<SessionKey> ended;
  std::vector<std::pair<SessionId, WallTime>> used;  // with the last use that is stored
};

// Several sockets of one user stand next to each other, so that each user is read once.
std::optional<Outcome> look(chat::Snapshot& snapshot, const std::vector<Checked>& batch,
                            std::int64_t idle_ms, WallTime now) {
  Outcome outcome;
  std::vector<chat::LoginSession> sessions;
  std::optional<UserId> listed;
  for (const Checked& one : batch) {
    if (listed != one.user) {
      auto list = snapshot.list_sessions(one.user);
      if (!list) return std::nullopt;  // next round
      sessions = std::move(*list);
      listed = one.user;
    }
    const auto found = std::ranges::find(sessions, one.session, &chat::LoginSession::id);
    if (found == sessions.end() || found->last_used_at.ms + idle_ms <= now.ms) {
      outcome.ended.push_back(one.key);
    } else if (found->last_used_at.ms + kTouchAfterMs <= now.ms) {
      outcome.used.emplace_back(one.session, found->last_used_at);
    }
  }
  return outcome;
}

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

void schedule(RealtimeCore& core) {
  core.checks.is_running = true;
  core.delays.after(kRoundMs, [&core] { run_round(core); });
}

std::vector<Checked> next_batch(RealtimeCore& core) {
  SessionCheckState& state = core.checks;
  std::vector<Checked> batch;
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
  std::ranges::sort(batch, {}, &Checked::user);
  return batch;
}

void write_touched(RealtimeCore& core) {
  auto touched = std::exchange(core.checks.touched, {});
  if (touched.empty()) return;
  chat::Command command{chat::TouchActivity{.sessions = std::move(touched)}, [](chat::Reply) {}};
  // Soft: what is refused now is found again in a minute.
  (void)core.context.commands.submit(std::move(command));
}

void run_round(RealtimeCore& core) {
  core.checks.is_running = false;
  write_touched(core);
  if (core.sessions.size() == 0) {
    core.checks.soon.clear();
    return;
  }
  std::vector<Checked> batch = next_batch(core);
  if (batch.empty()) return schedule(core);
  core.checks.is_running = true;
  const bool posted =
      core.context.queries.post([&core, batch = std::move(batch)](chat::Snapshot& snapshot) {
        auto outcome =
            look(snapshot, batch, core.context.options.session_idle_ms, core.context.clock.wall());
        core.post_self([&core, outcome = std::move(outcome)] {
          schedule(core);
          if (!outcome) return;
          for (const SessionKey key : outcome->ended) end_session(core, key);
          for (const auto& [session, used] : outcome->used) touch_session(core, session, used);
        });
      });
  if (!posted) schedule(core);  // the readers are full: those sockets come round again
}

}  // namespace

void check_soon(RealtimeCore& core, const ClientSession& session) {
  if (!session.session.is_zero()) core.checks.soon.push_back(session.key);
  if (!core.checks.is_running) schedule(core);
}

void touch_session(RealtimeCore& core, SessionId session, WallTime last_used_at) {
  const WallTime now = core.context.clock.wall();
  if (last_used_at.ms + kTouchAfterMs > now.ms || core.checks.touched.size() >= kTouchedMax) return;
  core.checks.touched.emplace_back(session, now);
}

}  // namespace maru::gateway
