#include "gateway/limits/read_turns.hpp"

#include <array>
#include <vector>

#include "base/memory.hpp"

namespace maru::gateway {

ReadTurns::Entering ReadTurns::enter(std::uint64_t reader, std::size_t waiting_max, Go&& go) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return Entering::kClosed;
    const auto [found, is_first] = readers_.try_emplace(reader);
    if (!is_first) {
      if (found->second.size() >= waiting_max) return Entering::kFull;
      found->second.push_back(std::move(go));
      waiting_.fetch_add(1, std::memory_order_relaxed);
      return Entering::kEntered;
    }
  }
  Go mine = std::move(go);
  mine(Turn(*this, reader));
  return Entering::kEntered;
}

ReadTurns::Go ReadTurns::next_of(std::uint64_t reader) {
  std::lock_guard lock(mutex_);
  const auto found = readers_.find(reader);
  if (found->second.empty()) {
    readers_.erase(found);
    return {};
  }
  Go next = std::move(found->second.front());
  found->second.pop_front();
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  return next;
}

void ReadTurns::leave(std::uint64_t reader) noexcept {
  // A turn may end as soon as it began, when its query is refused: one after another then, not one
  // within another (but for the odd one that finds no place here). No memory is needed for it.
  struct Leaving {
    std::array<std::uint64_t, 8> readers{};
    std::size_t count = 0;
  };
  static thread_local Leaving* leaving = nullptr;
  if (leaving != nullptr && leaving->count < leaving->readers.size()) {
    leaving->readers.at(leaving->count++) = reader;
    return;
  }
  Leaving mine{{reader}, 1};
  Leaving* const outer = std::exchange(leaving, &mine);
  while (mine.count > 0) {
    const std::uint64_t one = mine.readers.at(--mine.count);
    Go next = next_of(one);
    if (!next) continue;
    // Who finds no memory to go on is answered as it is dropped, and the next has the turn.
    [[maybe_unused]] const bool gone_on = memory::survive([&] { next(Turn(*this, one)); });
  }
  leaving = outer;
}

void ReadTurns::close() {
  std::vector<std::deque<Go>> dropped;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    for (auto& [reader, waiting] : readers_) dropped.push_back(std::exchange(waiting, {}));
    waiting_.store(0, std::memory_order_relaxed);
  }
}

}  // namespace maru::gateway
