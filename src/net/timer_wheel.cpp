#include "net/timer_wheel.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <limits>

#include "base/memory.hpp"

namespace maru::net {
namespace {

constexpr int kLevels = 6;  // 64^6 ticks are 17 years; what is later is sorted in again
constexpr unsigned kSlotBits = 6;
constexpr std::uint64_t kSlots = 1ULL << kSlotBits;
constexpr std::uint64_t kSlotMask = kSlots - 1;
constexpr std::uint64_t kHorizonTicks = (1ULL << (kSlotBits * kLevels)) - kSlots;

std::uint64_t tick_of(std::int64_t ms) {
  return ms <= 0 ? 0 : static_cast<std::uint64_t>(ms) / TimerWheel::kTickMs;
}

}  // namespace

void Timer::stop() {
  if (next_ == nullptr) return;
  previous_->next_ = next_;
  next_->previous_ = previous_;
  next_ = nullptr;
  previous_ = nullptr;
}

// Level 0 holds the ticks of the next 64, level 1 the spans of 64 ticks after that, and so on. When
// time enters a span, its timers are sorted into the levels below.
struct TimerWheel::Implementation {
  // The head of a circular list. Never fires.
  class Head final : public Timer {
   public:
    Head() { reset(); }
    ~Head() {
      while (!empty()) first()->stop();
      Timer& self = *this;
      TimerWheel::Implementation::unlink_head(self);
    }
    void reset() { TimerWheel::Implementation::make_circular(*this); }
    [[nodiscard]] bool empty() const { return TimerWheel::Implementation::next(*this) == this; }
    [[nodiscard]] Timer* first() const { return TimerWheel::Implementation::next(*this); }

   private:
    void on_timer() override {}
  };

  static void make_circular(Timer& head) {
    head.next_ = &head;
    head.previous_ = &head;
  }
  static void unlink_head(Timer& head) {
    head.next_ = nullptr;
    head.previous_ = nullptr;
  }
  static Timer* next(const Timer& timer) { return timer.next_; }

  static void append(Head& head, Timer& timer) {
    Timer& list = head;
    timer.previous_ = list.previous_;
    timer.next_ = &list;
    list.previous_->next_ = &timer;
    list.previous_ = &timer;
  }

  static void take_all(Head& from, Head& to) {
    while (!from.empty()) {
      Timer* timer = from.first();
      timer->stop();
      append(to, *timer);
    }
  }

  void place(Timer& timer) {
    if (timer.due_tick_ <= tick) {
      append(due_now, timer);
      return;
    }
    const std::uint64_t at = std::min(timer.due_tick_, tick + kHorizonTicks);
    int level = 0;
    while (level < kLevels - 1 && (at - tick) >> (kSlotBits * (level + 1)) != 0) ++level;
    const std::uint64_t slot = (at >> (kSlotBits * level)) & kSlotMask;
    append(slots[level][slot], timer);
    occupied[level] |= 1ULL << slot;
  }

  void fire(Head& list) {
    while (!list.empty()) {
      Timer* timer = list.first();
      timer->stop();
      // Whoever has to try again sees to that itself: the timer may be gone.
      [[maybe_unused]] const bool done = memory::survive([timer] { timer->on_timer(); });
    }
  }

  // Called when `tick` has just become a multiple of 64.
  void cascade() {
    for (int level = 1; level < kLevels; ++level) {
      const std::uint64_t slot = (tick >> (kSlotBits * level)) & kSlotMask;
      occupied[level] &= ~(1ULL << slot);
      Head moving;
      take_all(slots[level][slot], moving);
      while (!moving.empty()) {
        Timer* timer = moving.first();
        timer->stop();
        place(*timer);
      }
      if (slot != 0) break;
    }
  }

  // The bits say where timers were put; timers that were stopped since leave theirs behind.
  bool is_occupied(int level, std::uint64_t slot) {
    if (!slots[level][slot].empty()) return true;
    occupied[level] &= ~(1ULL << slot);
    return false;
  }

  // The first tick after the present one at which something may have to be done.
  std::uint64_t next_tick() {
    std::uint64_t best = std::numeric_limits<std::uint64_t>::max();
    for (int level = 0; level < kLevels; ++level) {
      const std::uint64_t here = tick >> (kSlotBits * level);
      while (occupied[level] != 0) {
        const auto turned = std::rotr(occupied[level], static_cast<int>((here + 1) & kSlotMask));
        const std::uint64_t distance = static_cast<std::uint64_t>(std::countr_zero(turned)) + 1;
        if (!is_occupied(level, (here + distance) & kSlotMask)) continue;
        best = std::min(best, (here + distance) << (kSlotBits * level));
        break;
      }
    }
    return best;
  }

  std::array<std::array<Head, kSlots>, kLevels> slots;
  std::array<std::uint64_t, kLevels> occupied{};
  Head due_now;
  std::uint64_t tick = 0;  // everything up to and with it has fired
  std::int64_t now_ms = 0;
};

TimerWheel::TimerWheel(MonotonicTime now) : implementation_(new Implementation) {
  implementation_->now_ms = now.ms;
  implementation_->tick = tick_of(now.ms);
}

TimerWheel::~TimerWheel() {
  delete implementation_;
}

void TimerWheel::start(Timer& timer, std::int64_t delay_ms) {
  Implementation& wheel = *implementation_;
  timer.stop();
  delay_ms = std::max<std::int64_t>(delay_ms, 0);
  constexpr std::int64_t kLatest = std::numeric_limits<std::int64_t>::max();
  const std::int64_t due_ms = delay_ms > kLatest - wheel.now_ms ? kLatest : wheel.now_ms + delay_ms;
  timer.due_tick_ = tick_of(due_ms);
  wheel.place(timer);
}

void TimerWheel::see(MonotonicTime now) {
  implementation_->now_ms = std::max(implementation_->now_ms, now.ms);
}

void TimerWheel::advance(MonotonicTime now) {
  Implementation& wheel = *implementation_;
  if (now.ms < wheel.now_ms) return;
  wheel.now_ms = now.ms;
  // What a callback starts without a delay waits for the next call, so that this one ends.
  Implementation::Head due;
  Implementation::take_all(wheel.due_now, due);
  wheel.fire(due);
  const std::uint64_t target = tick_of(now.ms);
  while (wheel.tick < target) {
    const std::uint64_t next = std::min(wheel.next_tick(), target);
    // Stop at each multiple of 64 only where a span has timers; next_tick() names those.
    wheel.tick = next;
    if ((next & kSlotMask) == 0) wheel.cascade();
    const std::uint64_t slot = next & kSlotMask;
    wheel.occupied[0] &= ~(1ULL << slot);
    Implementation::take_all(wheel.slots[0][slot], due);
    Implementation::Head cascaded;
    Implementation::take_all(wheel.due_now, cascaded);
    wheel.fire(due);
    wheel.fire(cascaded);
  }
}

int TimerWheel::next_delay_ms() const {
  Implementation& wheel = *implementation_;
  if (!wheel.due_now.empty()) return 0;
  const std::uint64_t next = wheel.next_tick();
  if (next == std::numeric_limits<std::uint64_t>::max()) return -1;
  const std::int64_t delay_ms = static_cast<std::int64_t>(next) * kTickMs - wheel.now_ms;
  return static_cast<int>(std::clamp<std::int64_t>(delay_ms, 0, std::numeric_limits<int>::max()));
}

}  // namespace maru::net
