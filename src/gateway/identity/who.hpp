// Who asks, and for whom (product.md, "Identity"): the rule for both front ends. A REST call and a
// socket know somebody in their own ways (rest/identity.cpp, events/event_call.cpp); whom a request
// may name besides is decided here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/id.hpp"
#include "chat/ports/snapshot.hpp"
#include "gateway/fields.hpp"
#include "gateway/identity/auth.hpp"

namespace maru::gateway {

// Who must be known for an operation.
enum class Access : std::uint8_t {
  kPublic,  // nobody, in either mode
  kReader,  // accounts: a session; open: nobody
  kActor,   // accounts: a session; open: a session, or the user whom the request names
  kSelf,    // a session, in either mode
};

// The user whom a request names, and the field that does: of none, the one that could have.
struct Named : NamedUser {
  Named() = default;
  Named(std::optional<UserId> user, std::string by_field)
      : NamedUser{.id = user, .name = {}}, field(std::move(by_field)) {}
  Named(NamedUser user, std::string by_field)
      : NamedUser(std::move(user)), field(std::move(by_field)) {}
  std::string field = "userId";
};

// Who may ask, and whom the request names. `named` is believed in open mode only, unless that user
// has a password and the session is not theirs.
struct Asks {
  explicit Asks(Access by) : access(by) {}
  Asks(Access by, Named whom) : access(by), named(std::move(whom)) {}
  Access access;
  Named named;
};

struct Caller {
  std::optional<Identity> session;  // of a REST call, where it has one
  UserId user;                      // of the session, or the one named; zero if nobody is known
  std::string name;                 // of `user`, of a REST call
};

// Open mode: the user whom a request names, on its word. `own` is who has logged in, if anybody: an
// account with a password needs its own token. Reader thread. Errors: kNotFound (`field`),
// kValidationFailed (a name that none can have), kUnauthenticated (a password).
[[nodiscard]] Result<chat::User> believe(chat::Snapshot& snapshot, const Named& named,
                                         const UserId& own);

}  // namespace maru::gateway
