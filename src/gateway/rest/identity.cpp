// Who asks for a REST call.
#include "fanout/presence/presence.hpp"
#include "gateway/identity/session_activity.hpp"
#include "gateway/rest/call.hpp"

namespace maru::gateway::rest {
namespace {

// The session of the request's token. Nothing when there is none, or when open mode can do without.
Result<std::optional<Identity>> find_identity(chat::Snapshot& snapshot, Call& call, Access access) {
  if (call.credentials().source == TokenSource::kNone) return std::optional<Identity>();
  auto identity = authenticate(snapshot, call.credentials().token, call.context().lifetimes.wall(),
                               call.context().options);
  if (identity) {
    call.context().activity.session_used(identity->session, identity->last_used_at);
    return std::optional<Identity>(std::move(*identity));
  }
  if (identity.error().code != ErrorCode::kUnauthenticated) {
    return std::unexpected(std::move(identity.error()));
  }
  call.session_is_over();
  // A stale token must not break a call that needs none.
  if (call.is_open() && access != Access::kSelf) return std::optional<Identity>();
  return std::unexpected(std::move(identity.error()));
}

}  // namespace

Result<Caller> Call::identify(chat::Snapshot& snapshot, const Asks& asks) {
  const auto& [access, named] = asks;
  Caller caller;
  if (access == Access::kPublic) return caller;
  auto identity = find_identity(snapshot, *this, access);
  if (!identity) return std::unexpected(std::move(identity.error()));
  if (*identity) {
    caller.user = (*identity)->user;
    caller.name = (*identity)->user_name;
    caller.session = std::move(**identity);
  }
  const bool needs_session = access == Access::kSelf || !is_open();
  if (needs_session && !caller.session) {
    return fail(ErrorCode::kUnauthenticated, "Log in first and send the token.");
  }
  identity_is_known();
  if (!is_open()) return caller;
  if (access == Access::kActor) {
    const bool is_own = named.id && caller.session && caller.user == *named.id;
    if (named.id && !is_own) {
      auto user = believe(snapshot, named, caller.user);
      if (!user) return std::unexpected(std::move(user.error()));
      caller.user = user->id;
      caller.name = std::move(user->name);
    } else if (!named.id && !caller.session) {
      return fail_field(named.field, "required",
                        "Say who you are: the field " + named.field + ", or a login's token.");
    }
  }
  if (!caller.user.is_zero()) context().presence.user_named(caller.user);
  return caller;
}

std::optional<Caller> Call::known(const Asks& asks) const {
  if (asks.access != Access::kPublic) return std::nullopt;
  return Caller();
}

Toll Call::read_share(const Caller& caller) const {
  if (caller.session) return {Rate::kReadsOfUser, RateLimiter::key_of(caller.user)};
  return {Rate::kReadsOfIp, RateLimiter::key_of_network(head_.peer_address)};
}

}  // namespace maru::gateway::rest
