// A user as `GET /users/:userId` and `/users/me` show them.
#pragma once

#include "gateway/rest/flow.hpp"

namespace maru::gateway::rest {

// Reader thread. kNotFound for an unknown id; deleted users keep their tombstone. `lastSeenAt` is
// told to the user and to who shares a chat with them, else it is null; `viewer` is zero for who is
// nobody (open mode).
Result<chat::User> find_profile(chat::Snapshot& snapshot, const UserId& id, const UserId& viewer);
// With whether they are online.
Answering answer_profile(Call& call, chat::User user);

}  // namespace maru::gateway::rest
