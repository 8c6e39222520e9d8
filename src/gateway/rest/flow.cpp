#include "gateway/rest/flow.hpp"

#include <span>

#include "fanout/soft_state.hpp"

namespace maru::gateway::rest {
namespace {

Error overloaded() {
  return Error{ErrorCode::kOverloaded, "The server is busy; try again.", {}, 1'000};
}

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

Result<Caller> identify(chat::Snapshot& snapshot, Call& call, Access access, const Named& named) {
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
  if (!caller.user.is_zero()) call.context().soft_state.user_named(caller.user);
  return caller;
}

void admit(const CallPtr& call, chat::Snapshot& snapshot, const UserId& actor,
           std::initializer_list<Toll> tolls, Admitted then) {
  const auto [wait, refused] = call->context().limiter.take_all(
      std::span(tolls.begin(), tolls.size()), call->context().options.rate_delay_max_ms);
  if (refused != nullptr) return call->refuse_rate(*refused, actor);
  if (wait == 0) return then(snapshot);
  call->services().post_after(
      wait, [call, then = std::move(then)]() mutable { query(call, std::move(then)); });
}

void query(CallPtr call, std::move_only_function<void(chat::Snapshot&)> task) {
  if (!call->context().queries.post(std::move(task))) call->problem(overloaded());
}

void decide(CallPtr call, Access access, Named named, Deciding deciding) {
  query(call, [call, access, named = std::move(named),
               deciding = std::move(deciding)](chat::Snapshot& snapshot) mutable {
    auto caller = identify(snapshot, *call, access, named);
    if (!caller) return call->problem(caller.error());
    deciding(snapshot, std::move(*caller));
  });
}

void read(CallPtr call, Access access, Named named, Reading reading) {
  decide(call, access, std::move(named),
         [call, reading = std::move(reading)](chat::Snapshot& snapshot, Caller&& caller) mutable {
           call->answer(reading(snapshot, caller));
         });
}

void submit_raw(CallPtr call, chat::CommandBody body, ThenReply then) {
  // Answers are written on the I/O thread: the sequencer has no time for JSON.
  auto handler = [call, then = std::move(then)](chat::Reply reply) mutable {
    Services& services = call->services();
    services.post(
        [then = std::move(then), reply = std::move(reply)]() mutable { then(std::move(reply)); });
  };
  if (!call->context().commands.submit(chat::Command{std::move(body), std::move(handler)})) {
    call->problem(overloaded());
  }
}

void submit(CallPtr call, chat::CommandBody body, Then then) {
  submit_raw(call, std::move(body), [call, then = std::move(then)](chat::Reply&& reply) mutable {
    if (!reply) return call->problem(reply.error());
    then(std::move(*reply));
  });
}

}  // namespace maru::gateway::rest
