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
#include "gateway/await.hpp"

namespace maru::gateway {

[[nodiscard]] inline Error overloaded() {
  return Error{ErrorCode::kOverloaded, "The server is busy; try again.", {}, 1'000};
}
[[nodiscard]] inline Error stopping() {
  return Error{ErrorCode::kUnavailable, "The server is stopping; try again.", {}, 1'000};
}

// `work` is Result<X>(chat::Snapshot&), runs on a reader thread and may refer to what is in the
// task's frame. kOverloaded when the readers have too much to do. Where `gone` says so by then,
// nobody waits for it any more: it is not run, and the task is dropped.
template <class Work>
[[nodiscard]] auto ask(chat::QueryPool& queries, chat::Lane lane, const std::atomic<bool>* gone,
                       Work work) {
  using Answer = std::invoke_result_t<Work&, chat::Snapshot&>;
  return called_back<Answer>([&queries, lane, gone, work = std::move(work)](
                                 Giver<Answer> give) mutable -> std::optional<Answer> {
    const bool posted =
        queries.post(lane, [give = std::move(give), &work, gone](chat::Snapshot& snapshot) mutable {
          if (gone == nullptr || !gone->load(std::memory_order_relaxed)) give(work(snapshot));
        });
    if (posted) return std::nullopt;
    return Answer(std::unexpected(overloaded()));
  });
}

// Waits until the outcome is durable; told on the I/O thread of that index, behind what it brought
// about. kOverloaded when the sequencer has too much to do.
[[nodiscard]] inline auto submit(chat::CommandLog& commands, unsigned io_thread,
                                 chat::CommandBody body) {
  return called_back<chat::Reply>(
      [&commands, io_thread,
       body = std::move(body)](Giver<chat::Reply> give) mutable -> std::optional<chat::Reply> {
        const bool posted = commands.submit(
            chat::Command{std::move(body), chat::ReplyHandler(io_thread, std::move(give)), {}});
        if (posted) return std::nullopt;
        return chat::Reply(std::unexpected(overloaded()));
      });
}

}  // namespace maru::gateway
