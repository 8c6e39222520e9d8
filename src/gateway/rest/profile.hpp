// A user as `GET /users/:userId` and `/users/me` show them.
#pragma once

#include "gateway/rest/call.hpp"

namespace maru::gateway::rest {

// Reader thread. kNotFound for an unknown id; deleted users keep their tombstone. `lastSeenAt` is
// told to the user and to who shares a chat with them, else it is null; `viewer` is zero for who is
// nobody (open mode).
void answer_profile(const CallPtr& call, chat::Snapshot& snapshot, const UserId& id,
                    const UserId& viewer);

}  // namespace maru::gateway::rest
