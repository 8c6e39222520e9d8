#include "gateway/rest/flow.hpp"

#include "fanout/presence/presence.hpp"
#include "gateway/read_turns.hpp"
#include "gateway/rest/answer_room.hpp"

namespace maru::gateway::rest {
Answering answered(Answer answer) {
  co_return answer;
}
Answering refused(Error error) {
  co_return std::unexpected(std::move(error));
}

Task<Result<Caller>> admit(Call& call, Asks asks, Caller caller, Tolls tolls) {
  const Result<std::int64_t> wait = call.pay(tolls, caller.user);
  if (!wait) co_return std::unexpected(wait.error());
  if (*wait == 0) co_return caller;
  co_await call.delay(*wait);
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

void charge(Call& call, const Toll& share, const chat::Snapshot& snapshot) {
  charge_for_rows(call.context().limiter, call.context().options, share, snapshot.rows_read());
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
  const Toll share = call.read_share(*caller);
  const Tolls tolls = much.also ? Tolls({*much.also, share.key}, share) : Tolls(share);
  const Result<std::int64_t> wait = call.pay(tolls, caller->user);
  if (!wait) co_return std::unexpected(wait.error());
  if (*wait > 0) co_await call.delay(*wait);
  Result<void> in = co_await take_turn(call, share);
  if (!in || much.bytes == 0) co_return in;
  co_return co_await take_room(call, *caller, much.bytes);
}

}  // namespace maru::gateway::rest
