// One timer wheel per I/O thread for every deadline of its connections. A timer is a member of the
// object that it watches: starting, moving and stopping one is a few pointer writes and no
// allocation. Owner thread only.
//
// Deadlines are rounded so that they only ever come early, by less than one tick (protocol.md,
// section 2: a ping time-out must not be late).
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.hpp"

namespace maru::net {

class TimerWheel;

class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  [[nodiscard]] bool active() const { return next_ != nullptr; }
  void stop();  // does nothing if it is not active

 protected:
  ~Timer() { stop(); }
  // On the wheel's thread. The timer is stopped by now; it may be started again, or its object
  // destroyed, from within.
  virtual void on_timer() = 0;

 private:
  friend class TimerWheel;
  Timer* next_ = nullptr;
  Timer* previous_ = nullptr;
  std::uint64_t due_tick_ = 0;
};

class TimerWheel {
 public:
  static constexpr std::int64_t kTickMs = 8;

  explicit TimerWheel(MonotonicTime now);
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Fires no later than `delay_ms` from now (bar the thread being busy), earlier by less than a
  // tick. Restarts an active timer. No bound on the delay.
  void start(Timer& timer, std::int64_t delay_ms);

  // The time that delays are counted from, without firing anything yet.
  void see(MonotonicTime now);
  // Fires what is due, in order of its tick.
  void advance(MonotonicTime now);

  // How long the loop may sleep; -1 if no timer is active.
  [[nodiscard]] int next_delay_ms() const;

 private:
  struct Implementation;
  Implementation* implementation_;
};

}  // namespace maru::net
