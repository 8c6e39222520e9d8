// Who may become what with whom: the rules of joining and leaving a group, as the records say them.
// Pure; for the decisions, and for whoever plays an older log again.
#pragma once

#include "chat/fold.hpp"

namespace maru::chat {

// What is said when `user`, who is no member, joins. Whoever revives an archived group, or finds
// one without an owner, owns it.
[[nodiscard]] MemberJoined joining(const ChatState& state, UserId user);

// What is said when `user`, a member, leaves. An owner is followed by the oldest admin, else by the
// oldest member; the last to leave archives the group (product.md, "Lifecycle").
[[nodiscard]] MemberLeft leaving(const ChatState& state, UserId user);

}  // namespace maru::chat
