// Who there is: registering, guests, passwords, and how a guest ends.
#include <algorithm>
#include <cassert>

#include "chat/sessions.hpp"
#include "chat/turn.hpp"

namespace maru::chat {
namespace {

// Shown where a deleted user's name was; nobody can be found or logged in by it.
constexpr std::string_view kTombstoneName = "탈퇴한 사용자";

std::unexpected<Error> wrong_credentials() {
  return fail(ErrorCode::kInvalidCredentials, "The name or the password is wrong.");
}

// A new user cannot have sessions in its way, so nothing here can fail.
Reply create_user(User user, std::string folded_name, const NewSession& session, Turn& turn) {
  assert(!user.id.is_zero() && "give_ids() has named it");
  user.created_at = turn.stamp.now;
  user.updated_at = turn.stamp.now;
  turn.change(UserInserted{user, std::move(folded_name)});
  LoginSession opened = open_session(user.id, session, turn);
  return LoggedIn{std::move(user), std::move(opened), true};
}

// Opens a session of a user who was there before.
Reply log_in(const User& user, const NewSession& session, bool created, Turn& turn) {
  if (auto sessions = turn.state.find_sessions(user.id); !sessions) {
    return std::unexpected(std::move(sessions.error()));
  }
  LoginSession opened = open_session(user.id, session, turn);
  return LoggedIn{user, std::move(opened), created};
}

// The user whom this command has made before, now that it is decided again.
Reply answer_made(UserId made, const NewSession& session, Turn& turn) {
  const auto user = load_live_user(made, turn);
  if (!user) return std::unexpected(user.error());
  return log_in(**user, session, true, turn);
}

// A guest is its sessions. One without any, which open mode leaves behind, holds its name no longer
// once names belong to sessions: it ends. Errors: kNameTaken, the holder is somebody.
Result<void> free_name(UserId holder, Turn& turn) {
  const auto user = turn.state.find_user(holder);
  if (!user) return std::unexpected(user.error());
  const auto sessions = turn.state.find_sessions(holder);
  if (!sessions) return std::unexpected(sessions.error());
  if (!*user || (*user)->type != AccountType::kGuest || !(*sessions)->empty()) {
    return fail(ErrorCode::kNameTaken, "The name is taken.");
  }
  end_user(holder, turn);
  return {};
}

}  // namespace

Reply decide(const RegisterUser& command, Turn& turn) {
  const auto taken = turn.state.find_name(command.folded_name);
  if (!taken) return std::unexpected(taken.error());
  if (*taken == command.user) return answer_made(command.user, command.session, turn);
  if (*taken) return fail(ErrorCode::kNameTaken, "The name is taken.");
  // A newcomer can wait, as a guest can.
  if (auto room = admit_write(AccountType::kGuest, turn); !room) {
    return std::unexpected(std::move(room.error()));
  }
  turn.writer = AccountType::kAccount;
  User user;
  user.id = command.user;
  user.name = command.name;
  user.type = AccountType::kAccount;
  user.password_hash = command.password_hash;
  return create_user(std::move(user), command.folded_name, command.session, turn);
}

Reply decide(const OpenGuest& command, Turn& turn) {
  if (auto room = admit_write(AccountType::kGuest, turn); !room) {
    return std::unexpected(std::move(room.error()));
  }
  const auto holder = turn.state.find_name(command.folded_name);
  if (!holder) return std::unexpected(holder.error());
  if (*holder == command.user) return answer_made(command.user, command.session, turn);
  if (*holder && command.rule == GuestRule::kNameMustBeFree) {
    if (auto freed = free_name(**holder, turn); !freed) return std::unexpected(freed.error());
  }
  if (!*holder || command.rule == GuestRule::kNameMustBeFree) {
    User user;
    user.id = command.user;
    user.name = command.name;
    user.type = AccountType::kGuest;
    return create_user(std::move(user), command.folded_name, command.session, turn);
  }
  const auto user = load_live_user(**holder, turn);
  if (!user) return std::unexpected(user.error());
  if (!(*user)->password_hash.empty()) return wrong_credentials();
  return log_in(**user, command.session, false, turn);
}

Reply decide(const OpenSession& command, Turn& turn) {
  const auto found = turn.state.find_user(command.user);
  if (!found) return std::unexpected(found.error());
  const User* user = *found;
  if (!user || user->deleted_at || user->password_hash.empty()) return wrong_credentials();
  const auto sessions = turn.state.find_sessions(user->id);
  if (!sessions) return std::unexpected(sessions.error());
  if (find_session(**sessions, command.session.id)) {  // decided again
    return log_in(*user, command.session, false, turn);
  }
  // The password was checked against a snapshot; it may have been changed since.
  if (user->password_hash != command.verified_password_hash) return wrong_credentials();
  if (!command.rehashed_password.empty()) {
    turn.change(UserPasswordSet{user->id, command.rehashed_password, user->type, turn.stamp.now});
  }
  return log_in(*user, command.session, false, turn);
}

Reply decide(const SetPassword& command, Turn& turn) {
  const auto found = turn.state.find_user(command.user);
  if (!found) return std::unexpected(found.error());
  const User* user = *found;
  if (!user || user->deleted_at) {
    return fail(ErrorCode::kUnauthenticated, "The session has ended; log in again.");
  }
  if (user->password_hash == command.new_password_hash) return Done{};  // decided again
  if (user->password_hash != command.verified_password_hash) return wrong_credentials();
  const auto sessions = turn.state.find_sessions(user->id);
  if (!sessions) return std::unexpected(sessions.error());
  // It may have been revoked since the edge looked: a thief's must not change anything then.
  if (!find_session(**sessions, command.keep)) {
    return fail(ErrorCode::kUnauthenticated, "The session has ended; log in again.");
  }

  turn.change(
      UserPasswordSet{user->id, command.new_password_hash, AccountType::kAccount, turn.stamp.now});
  const std::vector<LoginSession> before = **sessions;
  for (const LoginSession& session : before) {
    if (session.id != command.keep) close_session(session.user, session.id, turn);
  }
  return Done{};
}

Reply decide(const FinishEnding& command, Turn& turn) {
  turn.change(EndingFinished{command.user});
  return Done{};
}

void end_user(UserId user, Turn& turn) {
  turn.change(UserEnded{user, std::string(kTombstoneName), turn.stamp.now});
  turn.effects.ends_users = true;
}

}  // namespace maru::chat
