// What a task asks others for, and waits: the readers, the sequencer, the time. Called on the
// task's thread. An answer that is dropped (a stop, a client that has gone) drops the task.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/error.hpp"
#include "chat/command.hpp"
#include "chat/ports/command_log.hpp"
#include "chat/ports/query_pool.hpp"
#include "gateway/tasks/await.hpp"

namespace maru::gateway {

[[nodiscard]] inline Error overloaded() {
  return Error{ErrorCode::kOverloaded, "The server is busy; try again.", {}, 1'000};
}
[[nodiscard]] inline Error stopping() {
  return Error{ErrorCode::kUnavailable, "The server is stopping; try again.", {}, 1'000};
}

// Hands `give` the result of `work`, which stays where it is until then; or what to say at once:
// kOverloaded when the readers have too much to do. Where `gone` says by then that nobody waits for
// it any more, it is not run, and the task is dropped.
template <class Answer, class Work>
[[nodiscard]] std::optional<Answer> post_query(chat::QueryPool& queries, chat::Lane lane,
                                               const std::atomic<bool>* gone, Giver<Answer> give,
                                               Work& work) {
  const bool posted =
      queries.post(lane, [give = std::move(give), &work, gone](chat::Snapshot& snapshot) mutable {
        if (gone == nullptr || !gone->load(std::memory_order_relaxed)) give(work(snapshot));
      });
  if (posted) return std::nullopt;
  return Answer(std::unexpected(overloaded()));
}

// `work` is Result<X>(chat::Snapshot&), runs on a reader thread and may refer to what is in the
// task's frame.
template <class Work>
[[nodiscard]] auto ask(chat::QueryPool& queries, chat::Lane lane, const std::atomic<bool>* gone,
                       Work work) {
  using Answer = std::invoke_result_t<Work&, chat::Snapshot&>;
  return called_back<Answer>([&queries, lane, gone, work = std::move(work)](
                                 Giver<Answer> give) mutable -> std::optional<Answer> {
    return post_query(queries, lane, gone, std::move(give), work);
  });
}

// Gives the outcome once it is durable, on the I/O thread of that index, behind what it brought
// about; or what to say at once: kOverloaded when the sequencer has too much to do.
[[nodiscard]] inline std::optional<chat::Reply> post_command(chat::CommandLog& commands,
                                                             unsigned io_thread,
                                                             chat::CommandBody&& body,
                                                             Giver<chat::Reply> give) {
  const bool posted = commands.submit(
      chat::Command{std::move(body), chat::ReplyHandler(io_thread, std::move(give)), {}});
  if (posted) return std::nullopt;
  return chat::Reply(std::unexpected(overloaded()));
}

// `then` runs as soon as the command has its place in the log. `body` stays where it is until then:
// within the expression that awaits this.
template <class Then>
[[nodiscard]] auto submit(chat::CommandLog& commands, unsigned io_thread, chat::CommandBody&& body,
                          Then then) {
  return called_back<chat::Reply>([&commands, &body, io_thread, then = std::move(then)](
                                      Giver<chat::Reply> give) -> std::optional<chat::Reply> {
    auto at_once = post_command(commands, io_thread, std::move(body), std::move(give));
    then();
    return at_once;
  });
}

}  // namespace maru::gateway
