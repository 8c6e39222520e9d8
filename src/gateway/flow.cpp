#include "gateway/flow.hpp"

#include "fanout/presence/presence.hpp"

namespace maru::gateway {

Task<Result<Caller>> admit(Request& request, Asks asks, Caller caller, Tolls tolls) {
  const Result<std::int64_t> wait = request.pay(tolls, caller.user);
  if (!wait) co_return std::unexpected(wait.error());
  if (*wait == 0) co_return caller;
  co_await request.delay(*wait);
  co_return co_await known(request, std::move(asks));
}

Task<Result<void>> admit(Request& request, UserId user, Tolls tolls) {
  const Result<std::int64_t> wait = request.pay(tolls, user);
  if (!wait) co_return std::unexpected(wait.error());
  if (*wait > 0) co_await request.delay(*wait);
  co_return Result<void>();
}

Task<Result<ReadTurns::Turn>> take_turn(Request& request, Toll share, std::size_t waiting_max) {
  co_return co_await called_back<Result<ReadTurns::Turn>>(
      [&](Giver<Result<ReadTurns::Turn>> give) -> std::optional<Result<ReadTurns::Turn>> {
        auto go = [give = std::move(give)](ReadTurns::Turn mine) mutable { give(std::move(mine)); };
        switch (request.context().read_turns.enter(share.key, waiting_max, std::move(go))) {
          case ReadTurns::Entering::kEntered:
            return std::nullopt;
          case ReadTurns::Entering::kFull:
            return Result<ReadTurns::Turn>(request.refuse_read());
          case ReadTurns::Entering::kClosed:
            break;
        }
        return Result<ReadTurns::Turn>(std::unexpected(stopping()));
      });
}

void charge(Request& request, const Toll& share, const chat::Snapshot& snapshot) {
  const Context& context = request.context();
  charge_for_rows(context.limiter, context.options, share, snapshot.rows_read());
}

Task<Online> ask_online(fanout::Presence& presence, std::vector<UserId> users) {
  Online online;
  if (users.empty()) co_return online;
  const std::vector<fanout::PresenceInfo> infos =
      co_await called_back<std::vector<fanout::PresenceInfo>>(
          [&](Giver<std::vector<fanout::PresenceInfo>> give)
              -> std::optional<std::vector<fanout::PresenceInfo>> {
            presence.ask_online(std::move(users), std::move(give));
            return std::nullopt;
          });
  for (const fanout::PresenceInfo& info : infos) {
    if (info.online) online.insert(info.user);
  }
  co_return online;
}

}  // namespace maru::gateway
