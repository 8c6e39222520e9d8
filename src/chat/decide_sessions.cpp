// Devices that are logged in: how a session ends, what is noted of its use and of logins that fail.
#include <algorithm>
#include <cassert>

#include "base/limits.hpp"
#include "chat/sessions.hpp"
#include "chat/turn.hpp"

namespace maru::chat {
namespace {

// One ExpireSessions stays a short turn: others wait behind it.
constexpr std::size_t kExpiredPerCommandMax = 100;

// A guest is its sessions: without one it ends, unless nicknames are identities (open mode).
enum class GuestFate : std::uint8_t { kEndsWithLastSession, kStays };

// Closes the session and, where it was the guest's last, ends the guest. The sessions of its user
// have been read. An error has changed nothing.
Result<void> end_session(UserId owner, SessionId session, std::size_t sessions_open, GuestFate fate,
                         Turn& turn) {
  const auto user = turn.state.find_user(owner);
  if (!user) return std::unexpected(user.error());
  const bool ends_guest = fate == GuestFate::kEndsWithLastSession && sessions_open == 1 && *user &&
                          (*user)->type == AccountType::kGuest && !(*user)->deleted_at;
  if (!ends_guest) {
    close_session(owner, session, turn);
    return {};
  }
  close_session(owner, session, turn);
  end_user(owner, turn);
  return {};
}

}  // namespace

const LoginSession* find_session(const std::vector<LoginSession>& sessions, SessionId id) {
  const auto at = std::ranges::find(sessions, id, &LoginSession::id);
  return at == sessions.end() ? nullptr : &*at;
}

LoginSession open_session(UserId user, const NewSession& session, Turn& turn) {
  assert(!session.id.is_zero() && "give_ids() has named it");
  const auto sessions = turn.state.find_sessions(user);
  if (const LoginSession* opened = sessions ? find_session(**sessions, session.id) : nullptr) {
    return *opened;  // by this command, which is decided again
  }
  if (sessions && (*sessions)->size() >= limits::kSessionsPerUserMax) {
    const auto oldest = std::ranges::min_element(**sessions, {}, &LoginSession::last_used_at);
    close_session(user, oldest->id, turn);
  }
  LoginSession opened{session.id,        user, session.token, turn.stamp.now, turn.stamp.lifetime,
                      session.user_agent};
  turn.change(SessionOpened{opened});
  return opened;
}

void close_session(UserId user, SessionId session, Turn& turn) {
  turn.change(SessionClosed{session});
  turn.tell(SessionRevoked{user, session});
}

Reply decide(const RevokeSession& command, Turn& turn) {
  const auto sessions = turn.state.find_sessions(command.user);
  if (!sessions) return std::unexpected(sessions.error());
  if (!find_session(**sessions, command.session)) {
    return fail(ErrorCode::kNotFound, "There is no such session.");
  }
  const auto fate = command.keep_guest ? GuestFate::kStays : GuestFate::kEndsWithLastSession;
  if (auto ended = end_session(command.user, command.session, (*sessions)->size(), fate, turn);
      !ended) {
    return std::unexpected(std::move(ended.error()));
  }
  return Done{};
}

Reply decide(const ExpireSessions& command, Turn& turn) {
  const auto idle = turn.state.load_idle_sessions(command.idle_since, kExpiredPerCommandMax);
  if (!idle) return std::unexpected(idle.error());
  const auto fate = command.keep_guests ? GuestFate::kStays : GuestFate::kEndsWithLastSession;
  const std::size_t changes_before = turn.effects.changes.size();
  for (const LoginSession& candidate : *idle) {
    const bool began = turn.effects.changes.size() > changes_before;
    const auto sessions = turn.state.find_sessions(candidate.user);
    if (!sessions) {
      if (began) return Done{true};
      return std::unexpected(sessions.error());
    }
    // It may have been closed or used in this very batch.
    const LoginSession* session = find_session(**sessions, candidate.id);
    if (!session || session->last_used_at >= command.idle_since) continue;
    if (auto ended = end_session(candidate.user, candidate.id, (*sessions)->size(), fate, turn);
        !ended) {
      if (began) return Done{true};
      return std::unexpected(std::move(ended.error()));
    }
  }
  const bool more = idle->size() == kExpiredPerCommandMax;
  // So that they go although nobody makes another chat. Where there is none, nothing is written.
  if (!more) turn.change(expired_keys(turn));
  return Done{more};
}

Reply decide(const TouchActivity& command, Turn& turn) {
  for (const auto& [session, at] : command.sessions) turn.change(SessionTouched{session, at});
  for (const auto& [user, at] : command.users) turn.change(UserSeen{user, at});
  return Done{};
}

Reply decide(const NoteLoginFailures& command, Turn& turn) {
  for (const LoginFailures& counter : command.counters) turn.change(LoginFailuresNoted{counter});
  return Done{};
}

Reply decide(const ExpireLoginFailures& command, Turn& turn) {
  turn.change(LoginFailuresExpired{command.before, command.keep_max});
  return Done{};
}

}  // namespace maru::chat
