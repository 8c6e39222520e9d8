// Room for a long answer, reserved before it is made: of a thousand calls at once none may find out
// only when its page is written that there is no memory for it (base/budgets.hpp, answer_bytes).
#pragma once

#include <cstddef>

#include "base/limits.hpp"
#include "gateway/rest/call.hpp"
#include "gateway/rest/flow.hpp"

namespace maru::gateway::rest {

// Reserves `bytes`, an upper bound, in the caller's name (of the address when no session is known);
// the call's answer takes the reservation along and shrinks it to its size. Waits a while until
// others have read theirs, and not for any number of calls. Otherwise, and while memory is short,
// 503 overloaded.
Task<Result<void>> take_room(Call& call, const Caller& caller, std::size_t bytes);

// An upper bound of what a list of so many chats takes: a group of the largest size, each.
inline constexpr std::size_t kChatAloneBytesMax = 8'192;  // with its last message
inline constexpr std::size_t kMemberBytesMax = 320;
inline constexpr std::size_t kChatBytesMax =
    kChatAloneBytesMax + limits::kGroupMembersMax * kMemberBytesMax;

}  // namespace maru::gateway::rest
