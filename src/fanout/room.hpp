// One chat's listeners on one I/O thread, and what is held for those that are still pending.
// Part of RoomIndex; its thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "fanout/compact_vector.hpp"
#include "fanout/room_index.hpp"

namespace maru::fanout {

// A listener's place in a room: its address with its state in the low bits. Empty after it left
// during a delivery, until the delivery's end.
class Seat {
 public:
  enum State : std::uintptr_t {
    kActive = 0,
    kPending = 1,  // its events are held
    kBehind = 2,   // released, but this thread may still be given events that its snapshot had
  };

  Seat() = default;
  Seat(Listener& listener, State state)
      : bits_(reinterpret_cast<std::uintptr_t>(&listener) | state) {
    static_assert(alignof(Listener) > (kPending | kBehind));
  }

  [[nodiscard]] bool is_empty() const { return bits_ == 0; }
  [[nodiscard]] bool is(State state) const { return bits_ != 0 && (bits_ & kMask) == state; }
  [[nodiscard]] Listener* listener() const {
    return reinterpret_cast<Listener*>(bits_ & ~kMask);  // NOLINT(performance-no-int-to-ptr)
  }

 private:
  static constexpr std::uintptr_t kMask = kPending | kBehind;
  std::uintptr_t bits_ = 0;
};

// Events of a room since its earliest pending listener came: held once, however many wait.
class Hold {
 public:
  void start(Listener& listener) { waiting_.push_back({&listener, end()}); }
  void push(const wire::WireEvent& event) { events_.push_back(event); }
  // A listener for whom more than `max` events are held, or null.
  [[nodiscard]] Listener* find_overflowed(std::size_t max) const;
  // Copies what is held for it with a sequence above `upto`.
  [[nodiscard]] std::vector<wire::WireEvent> events_for(const Listener& listener,
                                                        Sequence upto) const;
  // The first event held for it; null if there is none.
  [[nodiscard]] const wire::WireEvent* first_for(const Listener& listener) const;
  [[nodiscard]] bool is_waiting(const Listener& listener) const {
    return find(listener) != nullptr;
  }
  // Drops it and the events that only it waited for.
  void stop(const Listener& listener);
  [[nodiscard]] bool is_idle() const { return waiting_.empty(); }

 private:
  struct Waiting {
    Listener* listener;
    std::uint64_t from;  // counts all events ever pushed
  };
  [[nodiscard]] std::uint64_t end() const { return first_ + events_.size(); }
  [[nodiscard]] const Waiting* find(const Listener& listener) const;

  std::deque<wire::WireEvent> events_;
  std::uint64_t first_ = 0;  // the count of events_[0]
  std::vector<Waiting> waiting_;
};

struct Room {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  CompactVector<Seat> seats;
  std::unique_ptr<Hold> hold;  // while someone is pending
  bool has_empty_seats = false;

  [[nodiscard]] std::size_t find_seat(const Listener& listener) const;
  void drop_empty_seats();
};

}  // namespace maru::fanout
