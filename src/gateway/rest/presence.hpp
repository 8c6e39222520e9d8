// Presence in answers.
#pragma once

#include <unordered_set>

#include "base/id.hpp"

namespace maru::gateway::rest {

using Online = std::unordered_set<UserId>;  // those of the asked who are online

}  // namespace maru::gateway::rest
