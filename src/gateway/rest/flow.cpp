#include "gateway/rest/flow.hpp"

#include "gateway/limits/read_turns.hpp"
#include "gateway/rest/answer_room.hpp"

namespace maru::gateway::rest {

Answering answered(Answer answer) {
  co_return answer;
}
Answering refused(Error error) {
  co_return std::unexpected(std::move(error));
}

Task<bool> is_online(Call& call, UserId user) {
  const Online online = co_await ask_online(call.context().presence, std::vector<UserId>(1, user));
  co_return online.contains(user);
}

Task<Result<void>> let_in(Call& call, Asks asks, Much much) {
  const Result<Caller> caller = co_await known(call, std::move(asks));
  if (!caller) co_return std::unexpected(caller.error());
  const Toll share = call.read_share(*caller);
  const Tolls tolls = much.also ? Tolls({*much.also, share.key}, share) : Tolls(share);
  Result<void> in = co_await admit(call, caller->user, tolls);
  if (!in) co_return in;
  auto turn =
      co_await take_turn(call, share, reads_waiting_max(call.context().options, share.rate));
  if (!turn) co_return std::unexpected(std::move(turn.error()));
  call.hold(std::move(*turn));
  if (much.bytes == 0) co_return in;
  co_return co_await take_room(call, *caller, much.bytes);
}

}  // namespace maru::gateway::rest
