// Opening and closing a login session, for the decisions that do. Internal to chat/.
#pragma once

#include <vector>

#include "chat/turn.hpp"

namespace maru::chat {

[[nodiscard]] const LoginSession* find_session(const std::vector<LoginSession>& sessions,
                                               SessionId id);  // or nullptr

// The user's sessions have been read. The one of that id, if there is one already. The least
// recently used one makes room at kSessionsPerUserMax, and its sockets are told.
LoginSession open_session(UserId user, const NewSession& session, Turn& turn);

void close_session(UserId user, SessionId session, Turn& turn);

}  // namespace maru::chat
