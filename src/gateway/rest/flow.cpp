#include "gateway/rest/flow.hpp"

#include <span>

#include "fanout/presence/presence.hpp"
#include "gateway/read_turns.hpp"
#include "gateway/rest/answer_room.hpp"

namespace maru::gateway::rest {
namespace {

// The session of the request's token. Nothing when there is none, or when open mode can do without.
Result<std::optional<Identity>> find_identity(chat::Snapshot& snapshot, Call& call, Access access) {
  if (call.credentials().source == TokenSource::kNone) return std::optional<Identity>();
  auto identity = authenticate(snapshot, call.credentials().token, call.context().lifetimes.wall(),
                               call.context().options);
  if (identity) {
    call.services().activity.session_used(identity->session, identity->last_used_at);
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

Result<void> believe(chat::Snapshot& snapshot, const Named& named, Caller& caller) {
  auto user = snapshot.find_user(*named.user);
  if (!user) return std::unexpected(std::move(user.error()));
  if (!*user || (*user)->deleted_at) {
    return no_such_user(named.field);
  }
  if (!(*user)->password_hash.empty()) {
    return fail(ErrorCode::kUnauthenticated,
                "This user has a password: calls that name it need its token.");
  }
  caller.user = *named.user;
  caller.name = std::move((*user)->name);
  return {};
}

}  // namespace

Answering answered(Answer answer) {
  co_return answer;
}
Answering refused(Error error) {
  co_return std::unexpected(std::move(error));
}

Result<Caller> identify(chat::Snapshot& snapshot, Call& call, const Asks& asks) {
  const auto& [access, named] = asks;
  Caller caller;
  if (access == Access::kPublic) return caller;
  auto identity = find_identity(snapshot, call, access);
  if (!identity) return std::unexpected(std::move(identity.error()));
  if (*identity) {
    caller.user = (*identity)->user;
    caller.name = (*identity)->user_name;
    caller.session = std::move(**identity);
  }
  const bool needs_session = access == Access::kSelf || !call.is_open();
  if (needs_session && !caller.session) {
    return fail(ErrorCode::kUnauthenticated, "Log in first and send the token.");
  }
  call.identity_is_known();
  if (!call.is_open()) return caller;
  if (access == Access::kActor) {
    const bool is_own = named.user && caller.session && caller.user == *named.user;
    if (named.user && !is_own) {
      if (auto known = believe(snapshot, named, caller); !known) {
        return std::unexpected(std::move(known.error()));
      }
    } else if (!named.user && !caller.session) {
      return fail_field(named.field, "required",
                        "Say who you are: the field " + named.field + ", or a login's token.");
    }
  }
  if (!caller.user.is_zero()) call.context().presence.user_named(caller.user);
  return caller;
}

namespace {

// True: it had to wait.
Task<Result<bool>> pay(Call& call, Tolls tolls, UserId actor) {
  const auto [wait, refusing] = call.context().limiter.take_all(
      std::span(tolls.items).first(tolls.count), call.context().options.rate_delay_max_ms);
  if (refusing != nullptr) co_return call.refuse_rate(*refusing, actor);
  if (wait == 0) co_return false;
  co_await later(call, wait);
  co_return true;
}

}  // namespace

Task<Result<Caller>> admit(Call& call, Asks asks, Caller caller, Tolls tolls) {
  const Result<bool> waited = co_await pay(call, tolls, caller.user);
  if (!waited) co_return std::unexpected(waited.error());
  if (!*waited) co_return caller;
  co_return co_await known(call, std::move(asks));
}

Task<Online> ask_online(Call& call, std::vector<UserId> users) {
  Online online;
  if (users.empty()) co_return online;
  const std::vector<fanout::PresenceInfo> infos =
      co_await called_back<std::vector<fanout::PresenceInfo>>(
          [&](Giver<std::vector<fanout::PresenceInfo>> give)
              -> std::optional<std::vector<fanout::PresenceInfo>> {
            call.context().presence.ask_online(std::move(users), std::move(give));
            return std::nullopt;
          });
  for (const fanout::PresenceInfo& info : infos) {
    if (info.online) online.insert(info.user);
  }
  co_return online;
}

Task<bool> is_online(Call& call, UserId user) {
  const Online online = co_await ask_online(call, std::vector<UserId>(1, user));
  co_return online.contains(user);
}

// ---- Letting bulk reads in
// -----------------------------------------------------------------------------------

Toll share_of(const Call& call, const Caller& caller) {
  if (caller.session) return {Rate::kReadsOfUser, RateLimiter::key_of(caller.user)};
  return {Rate::kReadsOfIp, RateLimiter::key_of_network(call.head().peer_address)};
}

void charge(Call& call, const Caller& caller, const chat::Snapshot& snapshot) {
  charge_for_rows(call.context().limiter, call.context().options, share_of(call, caller),
                  snapshot.rows_read());
}

namespace {

// Waits until no other bulk read of that reader is under way; until it is answered, none begins.
Task<Result<void>> take_turn(Call& call, Toll share) {
  auto turn = co_await called_back<Result<ReadTurns::Turn>>(
      [&](Giver<Result<ReadTurns::Turn>> give) -> std::optional<Result<ReadTurns::Turn>> {
        auto go = [give = std::move(give)](ReadTurns::Turn mine) mutable { give(std::move(mine)); };
        const Context& context = call.context();
        switch (context.read_turns.enter(share.key, reads_waiting_max(context.options, share.rate),
                                         std::move(go))) {
          case ReadTurns::Entering::kEntered:
            return std::nullopt;
          case ReadTurns::Entering::kFull:
            return Result<ReadTurns::Turn>(call.refuse_read());
          case ReadTurns::Entering::kClosed:
            break;
        }
        return Result<ReadTurns::Turn>(std::unexpected(stopping()));
      });
  if (!turn) co_return std::unexpected(std::move(turn.error()));
  call.hold(std::move(*turn));
  co_return Result<void>();
}

}  // namespace

Task<Result<void>> let_in(Call& call, Asks asks, Much much) {
  const Result<Caller> caller = co_await known(call, std::move(asks));
  if (!caller) co_return std::unexpected(caller.error());
  const Toll share = share_of(call, *caller);
  const Tolls tolls = much.also ? Tolls({*much.also, share.key}, share) : Tolls(share);
  const Result<bool> paid = co_await pay(call, tolls, caller->user);
  if (!paid) co_return std::unexpected(paid.error());
  Result<void> in = co_await take_turn(call, share);
  if (!in || much.bytes == 0) co_return in;
  co_return co_await take_room(call, *caller, much.bytes);
}

}  // namespace maru::gateway::rest
