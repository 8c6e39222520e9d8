// The roads of a REST call (docs/ARCHITECTURE.md, "Reading"): reads are queries on the reader pool,
// who asks and what they get in one snapshot; writes find out who asks in such a query and are then
// commands. All of it is awaited by the call's task, on its I/O thread; what it is given may refer
// to what is in the task's frame.
//
// Who waited is asked again who they are: whatever goes on after a wait (for its rate, its turn,
// another thread's answer) asks with a snapshot of its own, and that finds out anew. A session that
// ended meanwhile gets 401.
#pragma once

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "gateway/asking.hpp"
#include "gateway/fields.hpp"
#include "gateway/rest/call.hpp"
#include "gateway/rest/presence.hpp"
#include "gateway/task.hpp"

namespace maru::gateway::rest {

// What a call comes to. A handler returns one (routes.hpp).
using Answering = Task<Result<Answer>>;
Answering answered(Answer answer);
Answering refused(Error error);

// ---- awaiting ----

// `work` is Result<X>(chat::Snapshot&), without authentication. The call is dropped unanswered once
// its client has gone.
template <class Work>
[[nodiscard]] auto query(Call& call, chat::Lane lane, Work work) {
  return ask(call.context().queries, lane, call.gone(), std::move(work));
}

// `work` is Result<X>(chat::Snapshot&, Caller&), with who asks found out in the same snapshot.
template <class Work>
[[nodiscard]] auto read_as(Call& call, chat::Lane lane, Asks asks, Work work) {
  using Read = std::invoke_result_t<Work&, chat::Snapshot&, Caller&>;
  return query(call, lane,
               [&call, asks = std::move(asks),
                work = std::move(work)](chat::Snapshot& snapshot) mutable -> Read {
                 auto caller = call.identify(snapshot, asks);
                 if (!caller) return std::unexpected(std::move(caller.error()));
                 return work(snapshot, *caller);
               });
}
// For look-ups of a few rows; urgent.
template <class Work>
[[nodiscard]] auto read(Call& call, Asks asks, Work work) {
  return read_as(call, chat::Lane::kUrgent, std::move(asks), std::move(work));
}
[[nodiscard]] inline auto known(Call& call, Asks asks) {
  return read(call, std::move(asks),
              [](chat::Snapshot&, Caller& caller) -> Result<Caller> { return std::move(caller); });
}

// Pays the tolls: at once, or when they are due (honest bursts are read later, up to
// rate_delay_max_ms; one request at a time of a connection waits). Otherwise 429.
// The caller, found out anew if they had to wait.
Task<Result<Caller>> admit(Call& call, Asks asks, Caller caller, Tolls tolls);

// Bulk: what reads as many rows as its answer is long (lists, search, history). `bytes` is an upper
// bound of the answer, reserved before it is read (answer_room.hpp); `also` a further rate of that
// reader.
struct Much {
  explicit Much(std::size_t bytes_max, std::optional<Rate> also_rate = {})
      : bytes(bytes_max), also(also_rate) {}
  std::size_t bytes;
  std::optional<Rate> also;
};
// Lets a bulk read in; it is done at one place (flow.cpp): by weight from its reader's bucket,
// one at a time of each reader, with room for its answer.
Task<Result<void>> let_in(Call& call, Asks asks, Much much);
void charge(Call& call, const Toll& share, const chat::Snapshot& snapshot);
// `work` as for read_as(), in the bulk lane once it is let in; the rows that it looked at are
// charged.
template <class Work, class Read = std::invoke_result_t<Work&, chat::Snapshot&, Caller&>>
Task<Read> read_much(Call& call, Asks asks, Much much, Work work) {
  const Result<void> in = co_await let_in(call, asks, much);
  if (!in) co_return Read(std::unexpected(in.error()));
  co_return co_await read_as(call, chat::Lane::kBulk, asks,
                             [&](chat::Snapshot& snapshot, Caller& caller) -> Read {
                               Read read = work(snapshot, caller);
                               charge(call, call.read_share(caller), snapshot);
                               return read;
                             });
}
// The outcome of a command, once it is durable.
[[nodiscard]] inline auto submit(Call& call, chat::CommandBody body) {
  return gateway::submit(call.context().commands, call.context().thread.index(), std::move(body));
}

[[nodiscard]] inline auto later(Call& call, std::int64_t delay_ms) {
  return called_back<bool>([&call, delay_ms](Giver<bool> give) -> std::optional<bool> {
    if (delay_ms <= 0) return true;
    call.after(delay_ms, [give = std::move(give)]() mutable { give(true); });
    return std::nullopt;
  });
}

// Those of `users` who are online.
Task<Online> ask_online(Call& call, std::vector<UserId> users);
Task<bool> is_online(Call& call, UserId user);

}  // namespace maru::gateway::rest
