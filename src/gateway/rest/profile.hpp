// A user as `GET /users/:userId` and `/users/me` show them.
#pragma once

#include "gateway/rest/call.hpp"

namespace maru::gateway::rest {

// Reader thread. kNotFound for an unknown id; deleted users keep their tombstone.
void answer_profile(const CallPtr& call, chat::Snapshot& snapshot, const UserId& id);

}  // namespace maru::gateway::rest
