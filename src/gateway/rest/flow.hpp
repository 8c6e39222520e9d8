// What REST adds to the roads of an operation (gateway/flow.hpp): answers, and room for the long
// ones.
#pragma once

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "gateway/flow.hpp"
#include "gateway/rest/call.hpp"
#include "gateway/tasks/task.hpp"

namespace maru::gateway::rest {

// What a call comes to. A handler returns one (routes.hpp).
using Answering = Task<Result<Answer>>;
Answering answered(Answer answer);
Answering refused(Error error);

// Bulk: what reads as many rows as its answer is long (lists, search, history). `bytes` is an upper
// bound of the answer, reserved before it is read (answer_room.hpp); `also` a further rate of that
// reader.
struct Much {
  explicit Much(std::size_t bytes_max, std::optional<Rate> also_rate = {})
      : bytes(bytes_max), also(also_rate) {}
  std::size_t bytes;
  std::optional<Rate> also;
};
// Lets a bulk read in: by weight from its reader's bucket, one at a time of each reader, with room
// for its answer.
Task<Result<void>> let_in(Call& call, Asks asks, Much much);
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

Task<bool> is_online(Call& call, UserId user);

}  // namespace maru::gateway::rest
