// The two roads of a REST call (architecture.md, "Life of a message"): reads are queries on the
// reader pool, who asks and what they get in one snapshot; writes find out who asks in such a query
// and are then commands. Full queues answer 503 overloaded.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>

#include "gateway/fields.hpp"
#include "gateway/rest/call.hpp"

namespace maru::gateway::rest {

struct Caller {
  std::optional<Identity> session;
  UserId user;       // of the session, or the one named; zero if nobody is known
  std::string name;  // of `user`
};

// Reader thread. `named` is the user whom a payload or path names; believed in open mode only,
// unless that user has a password and the session is not theirs. Errors: kUnauthenticated,
// kValidationFailed (open: nobody named; `field`), kNotFound (no such user; `field`).
struct Named {
  std::optional<UserId> user;
  std::string field = "userId";
};
Result<Caller> identify(chat::Snapshot& snapshot, Call& call, Access access, const Named& named);

using Reading =
    std::move_only_function<Result<Answer>(chat::Snapshot& snapshot, const Caller& caller)>;
void read(CallPtr call, Access access, Named named, Reading reading);

// As read(), but the reader thread decides by itself how to go on.
using Deciding = std::move_only_function<void(chat::Snapshot& snapshot, Caller&& caller)>;
void decide(CallPtr call, Access access, Named named, Deciding deciding);

// `then` runs on the I/O thread, after the command is durable; errors are answered as problems.
using Then = std::move_only_function<void(chat::ReplyBody&& reply)>;
void submit(CallPtr call, chat::CommandBody body, Then then);
// The same with the outcome as it is.
using ThenReply = std::move_only_function<void(chat::Reply&& reply)>;
void submit_raw(CallPtr call, chat::CommandBody body, ThenReply then);

// Reader thread, with the snapshot at hand. Takes from the buckets, and `then` goes on: at once, or
// with a fresh snapshot when they are due (honest bursts are read later, up to rate_delay_max_ms;
// one request at a time of a connection waits). Otherwise 429.
using Admitted = std::move_only_function<void(chat::Snapshot&)>;
void admit(const CallPtr& call, chat::Snapshot& snapshot, const UserId& actor,
           std::initializer_list<Toll> tolls, Admitted then);

// A task on a reader thread without authentication, e.g. to write a long answer.
void query(CallPtr call, std::move_only_function<void(chat::Snapshot&)> task);

}  // namespace maru::gateway::rest
