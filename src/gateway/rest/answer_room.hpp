// Room for a long answer, reserved before it is made: of a thousand calls at once none may find out
// only when its page is written that there is no memory for it (base/budgets.hpp, answer_bytes).
#pragma once

#include <cstddef>

#include "chat/ports.hpp"
#include "gateway/rest/call.hpp"
#include "gateway/rest/flow.hpp"

namespace maru::gateway::rest {

// Reader thread, bulk lane. Reserves `bytes`, an upper bound, in the caller's name (of the address
// when no session is known); the call's answer takes the reservation along and shrinks it to its
// size. `then` goes on at once, or as decide_again() does once others have read theirs: a while,
// and not for any number of calls. Otherwise 503 overloaded.
void with_room(const CallPtr& call, chat::Snapshot& snapshot, Caller&& caller, std::size_t bytes,
               Deciding then);

}  // namespace maru::gateway::rest
