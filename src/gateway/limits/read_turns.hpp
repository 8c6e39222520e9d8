// Whose turn it is to read much: of each reader (a user, or a network when nobody is known) one
// bulk read is under way at a time and a few wait, in the order in which they came. So that a queue
// in front of the store holds at most one read of each, and one reader's many keep waiting nobody
// but that reader.
//
// Shared by all threads; a short lock at the start and end of each bulk read.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace maru::gateway {

class ReadTurns {
 public:
  // Having one's turn. Its end, on any thread, gives the turn to the next who waits.
  class Turn {
   public:
    Turn() = default;
    Turn(Turn&& other) noexcept
        : turns_(std::exchange(other.turns_, nullptr)), reader_(other.reader_) {}
    Turn& operator=(Turn&& other) noexcept {
      if (this != &other) {
        end();
        turns_ = std::exchange(other.turns_, nullptr);
        reader_ = other.reader_;
      }
      return *this;
    }
    ~Turn() { end(); }
    void end() {
      if (ReadTurns* turns = std::exchange(turns_, nullptr)) turns->leave(reader_);
    }

   private:
    friend class ReadTurns;
    Turn(ReadTurns& turns, std::uint64_t reader) : turns_(&turns), reader_(reader) {}

    ReadTurns* turns_ = nullptr;
    std::uint64_t reader_ = 0;
  };
  // Runs at once on the asking thread, or later on that which ended a turn. Must not block.
  using Go = std::move_only_function<void(Turn turn)>;

  ReadTurns() = default;
  ReadTurns(const ReadTurns&) = delete;
  ReadTurns& operator=(const ReadTurns&) = delete;

  // kFull: `waiting_max` of that reader wait already. Past kEntered `go` is untouched.
  enum class Entering : std::uint8_t { kEntered, kFull, kClosed };
  [[nodiscard]] Entering enter(std::uint64_t reader, std::size_t waiting_max, Go&& go);
  // The drain begins: refuses from now on, and drops what waits, on this thread.
  void close();

  [[nodiscard]] std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
  void leave(std::uint64_t reader) noexcept;
  [[nodiscard]] Go next_of(std::uint64_t reader);  // empty: nobody waits

  std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::deque<Go>> readers_;  // with a turn; who waits for it
  std::atomic<std::size_t> waiting_{0};
  bool closed_ = false;
};

}  // namespace maru::gateway
