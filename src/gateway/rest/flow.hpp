// The roads of a REST call (architecture.md, "Life of a message"): reads are queries on the reader
// pool, who asks and what they get in one snapshot; writes find out who asks in such a query and
// are then commands. Full queues answer 503 overloaded.
//
// Who waited is asked again who they are: whatever goes on after a wait (for its rate, its turn,
// another thread's answer) goes on with a caller of the snapshot in which it goes on. A session
// that ended meanwhile gets 401.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>

#include "gateway/fields.hpp"
#include "gateway/rest/call.hpp"

namespace maru::gateway::rest {

// The user whom a payload or path names.
struct Named {
  std::optional<UserId> user;
  std::string field = "userId";
};

struct Caller {
  std::optional<Identity> session;
  UserId user;       // of the session, or the one named; zero if nobody is known
  std::string name;  // of `user`
  // How this was found out, so that it can be found out again.
  Access access = Access::kPublic;
  Named named;
};
// Reader thread. `named` is believed in open mode only, unless that user has a password and the
// session is not theirs. Errors: kUnauthenticated, kValidationFailed (open: nobody named; `field`),
// kNotFound (no such user; `field`).
Result<Caller> identify(chat::Snapshot& snapshot, Call& call, Access access, const Named& named);

// For look-ups of a few rows; urgent.
using Reading =
    std::move_only_function<Result<Answer>(chat::Snapshot& snapshot, const Caller& caller)>;
void read(CallPtr call, Access access, Named named, Reading reading);

// As read(), but the reader thread decides by itself how to go on.
using Deciding = std::move_only_function<void(chat::Snapshot& snapshot, Caller&& caller)>;
void decide(CallPtr call, Access access, Named named, Deciding deciding);

// Bulk: what reads as many rows as its answer is long (lists, search, history). Who asks is found
// out in the urgent lane; then the call is let in, which is done at one place (flow.cpp, "Letting
// bulk reads in"): by weight from the reader's bucket, later charged with the rows looked at, and
// one at a time of each reader. `reading` runs in the bulk lane, with the caller as that snapshot
// knows them. `also`: a further rate of that reader.
void read_in_turn(CallPtr call, Access access, Named named, Deciding reading,
                  std::optional<Rate> also = {});

// Any thread: `deciding` goes on after a wait, with the caller identified anew in its snapshot.
void decide_again(CallPtr call, chat::Lane lane, const Caller& caller, Deciding deciding);

// `then` runs on the I/O thread, after the command is durable; errors are answered as problems.
using Then = std::move_only_function<void(chat::ReplyBody&& reply)>;
void submit(CallPtr call, chat::CommandBody body, Then then);
// The same with the outcome as it is.
using ThenReply = std::move_only_function<void(chat::Reply&& reply)>;
void submit_raw(CallPtr call, chat::CommandBody body, ThenReply then);

// Reader thread, with the snapshot at hand. Takes from the buckets, and `then` goes on: at once, or
// when they are due as decide_again() does (honest bursts are read later, up to rate_delay_max_ms;
// one request at a time of a connection waits). Otherwise 429.
void admit(const CallPtr& call, chat::Snapshot& snapshot, Caller&& caller,
           std::initializer_list<Toll> tolls, Deciding then);

// Whose share of the reading it is. A user whom nothing but the request names is nobody here: one
// address would be as many readers as it knows names.
[[nodiscard]] Toll share_of(const Call& call, const Caller& caller);

// A task on a reader thread without authentication. Dropped unrun once the client has gone.
void query(CallPtr call, chat::Lane lane, std::move_only_function<void(chat::Snapshot&)> task);

}  // namespace maru::gateway::rest
