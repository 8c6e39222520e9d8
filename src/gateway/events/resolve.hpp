// Who an event speaks for, and which chat it means, where that needs a look into the store.
//
// In accounts a socket speaks for its login session, nothing else. In open mode a payload may name
// the user; an account with a password needs its own token for that (product.md, "Identity").
#pragma once

#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "base/id.hpp"
#include "chat/ports/snapshot.hpp"
#include "gateway/events/addressing.hpp"
#include "gateway/events/payloads.hpp"
#include "gateway/fields.hpp"
#include "gateway/options.hpp"

namespace maru::gateway {

class ClientSession;
class RealtimeCore;

struct Who {
  UserId user;        // what the socket is at present; zero: nobody yet
  UserId login_user;  // what its token proves; zero: nothing
  NamedUser named;    // open mode only
  // The field that named somebody, of static storage; empty: none did.
  std::string_view named_by;
  // False: `user` it is, without a look.
  bool needs_lookup = false;
};

// Reads `id_field` and `name_field`, of static storage, of the payload in open mode only. Errors:
// kValidationFailed, kUnauthenticated (open mode: nobody is named, now or before).
[[nodiscard]] Result<Who> who_asks(const ClientSession& session, AuthMode mode, json::Value payload,
                                   std::string_view id_field, std::string_view name_field);

// Reader thread. Errors: kNotFound, kValidationFailed (a name that none can have),
// kUnauthenticated (it has a password and the token is not its own).
[[nodiscard]] Result<UserId> identify(chat::Snapshot& snapshot, const Who& who);

// Whether the user's id is known without a look: rates are counted by ids only, so that a name is
// no second bucket. (An id that is nobody's is refused later.)
[[nodiscard]] bool is_known(const Who& who);
[[nodiscard]] UserId known_user(const Who& who);  // is_known() only

// Both: identify() and resolve_chat(), with their errors.
[[nodiscard]] Result<Addressed> resolve(chat::Snapshot& snapshot, const Who& who,
                                        const ChatRef& chat);

}  // namespace maru::gateway
