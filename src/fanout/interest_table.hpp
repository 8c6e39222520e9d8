// Which I/O thread may have listeners for a chat: counters by hash, so that a delivery is posted
// only where it can matter. False positives only. Written by I/O threads, read by the hub's caller;
// lock-free. A listener's interest is counted before its snapshot is read, so an event committed
// after the snapshot always sees it.
//
// The bus hears of the same: it follows a chat for as long as some thread has listeners for it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/id.hpp"
#include "base/zeroed_array.hpp"
#include "chat/ports/event_bus.hpp"
#include "wire/wire_event.hpp"

namespace maru::fanout {

class InterestTable {
 public:
  // `bus` must outlive it; null: nobody needs to know.
  explicit InterestTable(unsigned threads, chat::EventBus* bus = nullptr);

  // That thread's first listener for the chat has come, its last one has gone. The bus is told
  // within the call, so that who has called add() may ask it when_live().
  void add(unsigned thread, ChatId chat);
  void remove(unsigned thread, ChatId chat);
  [[nodiscard]] bool may_have(unsigned thread, ChatId chat) const;

  // How many listeners of this node use connection state recovery: with none, no offsets are
  // encoded.
  void add_recovery_user() { recovery_users_.fetch_add(1); }
  void remove_recovery_user() { recovery_users_.fetch_sub(1); }
  [[nodiscard]] bool any_recovery_user() const { return recovery_users_.load() != 0; }

  // The position up to which the hub has posted everything to the I/O threads.
  void set_posted(wire::Position position) { posted_.store(position); }
  [[nodiscard]] wire::Position posted() const { return posted_.load(); }

  [[nodiscard]] unsigned threads() const { return threads_; }

 private:
  static constexpr std::size_t kSlots = 1 << 14;
  const unsigned threads_;
  chat::EventBus* const bus_;
  ZeroedArray<std::atomic<std::uint32_t>> counts_;
  std::atomic<std::uint64_t> recovery_users_{0};
  std::atomic<wire::Position> posted_{0};
};

}  // namespace maru::fanout
