// Presence in answers.
#pragma once

#include <functional>
#include <unordered_set>
#include <vector>

#include "gateway/rest/call.hpp"

namespace maru::gateway::rest {

using Online = std::unordered_set<UserId>;  // those of the asked who are online

// `then` runs on the presence thread; it must be short. Any thread may ask.
void ask_online(const CallPtr& call, std::vector<UserId> users,
                std::move_only_function<void(const Online&)> then);

}  // namespace maru::gateway::rest
