// Room for a long answer, reserved before it is made: of a thousand calls at once none may find out
// only when its page is written that there is no memory for it (base/budgets.hpp, answer_bytes).
#pragma once

#include <functional>

#include "base/budget.hpp"
#include "chat/ports.hpp"
#include "gateway/rest/call.hpp"

namespace maru::gateway::rest {

// Reader thread. Reserves `bytes`, an upper bound, in the holder's name; the call's answer takes
// the reservation along and shrinks it to its size. `then` goes on at once, or with a fresh
// snapshot once others have read theirs: a while, and not for any number of calls. Otherwise 503
// overloaded.
using HasRoom = std::move_only_function<void(chat::Snapshot&)>;
void with_room(const CallPtr& call, chat::Snapshot& snapshot, SharedBudget::Holder holder,
               std::size_t bytes, HasRoom then);

}  // namespace maru::gateway::rest
