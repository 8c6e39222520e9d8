// Opening and closing a login session, for the decisions that do. Internal to chat/.
#pragma once

#include "chat/turn.hpp"

namespace maru::chat {

// The user's sessions have been read. The least recently used one makes room at
// kSessionsPerUserMax, and its sockets are told.
LoginSession open_session(UserId user, const NewSession& session, Turn& turn);

void close_session(UserId user, SessionId session, Turn& turn);

}  // namespace maru::chat
