// The roads of an operation (docs/ARCHITECTURE.md, "Reading"): reads are queries on the reader
// pool, who asks and what they get in one snapshot; writes find out who asks in such a query and
// are then commands. All of it is awaited by the request's task, on its I/O thread; what it is
// given may refer to what is in the task's frame.
//
// Who waited is asked again who they are: whatever goes on after a wait (for its rate, its turn,
// another thread's answer) asks with a snapshot of its own, and that finds out anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "gateway/limits/read_turns.hpp"
#include "gateway/live_chats.hpp"
#include "gateway/request.hpp"
#include "gateway/tasks/asking.hpp"
#include "gateway/tasks/task.hpp"

namespace maru::gateway {

// `work` is Result<X>(chat::Snapshot&), without authentication. The task is dropped once nobody
// waits for the answer.
template <class Work>
[[nodiscard]] auto query(Request& request, chat::Lane lane, Work work) {
  return ask(request.context().queries, lane, request.gone(), std::move(work));
}

// `work` is Result<X>(chat::Snapshot&, Caller&), with who asks found out in the same snapshot.
template <class Work>
[[nodiscard]] auto read_as(Request& request, chat::Lane lane, Asks asks, Work work) {
  using Read = std::invoke_result_t<Work&, chat::Snapshot&, Caller&>;
  return query(request, lane,
               [&request, asks = std::move(asks),
                work = std::move(work)](chat::Snapshot& snapshot) mutable -> Read {
                 auto caller = request.identify(snapshot, asks);
                 if (!caller) return std::unexpected(std::move(caller.error()));
                 return work(snapshot, *caller);
               });
}
// For look-ups of a few rows; urgent.
template <class Work>
[[nodiscard]] auto read(Request& request, Asks asks, Work work) {
  return read_as(request, chat::Lane::kUrgent, std::move(asks), std::move(work));
}

// Who asks; without a look where it takes none.
[[nodiscard]] inline auto known(Request& request, Asks asks) {
  auto look = [&request, asks](chat::Snapshot& snapshot) {
    return request.identify(snapshot, asks);
  };
  return called_back<Result<Caller>>(
      [&request, asks = std::move(asks), look = std::move(look)](
          Giver<Result<Caller>> give) mutable -> std::optional<Result<Caller>> {
        if (auto caller = request.known(asks)) return Result<Caller>(std::move(*caller));
        return post_query(request.context().queries, chat::Lane::kUrgent, request.gone(),
                          std::move(give), look);
      });
}

[[nodiscard]] inline auto later(Request& request, std::int64_t delay_ms) {
  return called_back<bool>([&request, delay_ms](Giver<bool> give) -> std::optional<bool> {
    if (delay_ms <= 0) return true;
    request.after(delay_ms, [give = std::move(give)]() mutable { give(true); });
    return std::nullopt;
  });
}

// Pays the tolls: at once, or when they are due (honest bursts are read later, up to
// rate_delay_max_ms; one request at a time of a connection waits). Otherwise kRateLimited. The
// caller, found out anew if they had to wait.
Task<Result<Caller>> admit(Request& request, Asks asks, Caller caller, Tolls tolls);
// The same of whom no look can change.
Task<Result<void>> admit(Request& request, UserId user, Tolls tolls);

// The outcome of a command, once it is durable. `then` runs as soon as it has its place in the log:
// what is submitted from then on comes after it.
template <class Then>
[[nodiscard]] auto submit(Request& request, chat::CommandBody&& body, Then then) {
  const Context& context = request.context();
  return submit(context.commands, context.thread.index(), std::move(body), std::move(then));
}
[[nodiscard]] inline auto submit(Request& request, chat::CommandBody&& body) {
  return submit(request, std::move(body), [] {});
}

// ---- reading much ----

// Waits until no other bulk read of that reader is under way; while the turn lasts, none begins.
// kRateLimited when `waiting_max` wait already.
Task<Result<ReadTurns::Turn>> take_turn(Request& request, Toll share, std::size_t waiting_max);
// What its rows cost, by the hundred. On a reader, before the answer, so that whoever has it has
// paid for it.
void charge(Request& request, const Toll& share, const chat::Snapshot& snapshot);

// `work` is Result<X>(chat::Snapshot&), in the bulk lane when it is that reader's turn, charged.
template <class Work, class Read = std::invoke_result_t<Work&, chat::Snapshot&>>
Task<Read> read_in_turn(Request& request, Toll share, std::size_t waiting_max, Work work) {
  const Result<ReadTurns::Turn> turn = co_await take_turn(request, share, waiting_max);
  if (!turn) co_return std::unexpected(turn.error());
  co_return co_await query(request, chat::Lane::kBulk, [&](chat::Snapshot& snapshot) -> Read {
    Read read = work(snapshot);
    charge(request, share, snapshot);
    return read;
  });
}

// ---- chats whose events pass here ----

[[nodiscard]] inline auto when_live(chat::EventBus& bus, std::vector<ChatId> chats) {
  return called_back<Result<Floors>>(
      [&bus, chats = std::move(chats)](
          Giver<Result<Floors>> give) mutable -> std::optional<Result<Floors>> {
        bus.when_live(std::move(chats),
                      [give = std::move(give)](Result<chat::EventBus::Floors> floors) mutable {
                        if (!floors) return give(std::unexpected(std::move(floors.error())));
                        give(Floors(std::move(*floors)));
                      });
        return std::nullopt;
      });
}

// `work` is Result<X>(chat::Snapshot&), in a snapshot that is no older than what the bus says of
// the chats, which are attached already (live_chats.hpp). kUnavailable: none was. `query` awaits
// what a reader says of a snapshot, `pause` so many milliseconds.
template <class Query, class Pause, class Work,
          class Read = std::invoke_result_t<Work&, chat::Snapshot&>>
Task<Read> read_live(chat::EventBus& bus, std::vector<ChatId> chats, Query query, Pause pause,
                     Work work) {
  Result<Floors> floors = co_await when_live(bus, chats);
  if (!floors) co_return std::unexpected(std::move(floors.error()));
  for (;;) {
    bool read_again = false;
    Read read = co_await query([&](chat::Snapshot& snapshot) -> Read {
      const auto verdict = floors->judge(snapshot, chats);
      if (!verdict) return std::unexpected(verdict.error());
      if (*verdict == Floors::Verdict::kFresh) return work(snapshot);
      read_again = *verdict == Floors::Verdict::kReadAgain;
      return std::unexpected(stale_snapshot());
    });
    if (!read_again) co_return read;
    co_await pause(Floors::kPauseMs);
  }
}
template <class Work>
[[nodiscard]] auto read_live(Request& request, chat::Lane lane, std::vector<ChatId> chats,
                             Work work) {
  return read_live(
      request.context().bus, std::move(chats),
      [&request, lane](auto look) { return query(request, lane, std::move(look)); },
      [&request](std::int64_t ms) { return later(request, ms); }, std::move(work));
}

// ---- presence ----

using Online = std::unordered_set<UserId>;
// Those of `users` who are online.
Task<Online> ask_online(fanout::Presence& presence, std::vector<UserId> users);

}  // namespace maru::gateway
