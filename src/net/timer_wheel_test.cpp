#include "net/timer_wheel.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace maru::net {
namespace {

class Probe final : public Timer {
 public:
  ~Probe() = default;
  std::function<void()> action;
  int fired = 0;

 private:
  void on_timer() override {
    ++fired;
    if (action) action();
  }
};

constexpr std::int64_t kStart = 1'000'003;

// Sleeps as the loop does, until `until_ms`; calls `each` with the time after each turn.
void run_until(TimerWheel& wheel, std::int64_t& now_ms, std::int64_t until_ms,
               const std::function<void()>& each = {}) {
  while (now_ms < until_ms) {
    const int delay = wheel.next_delay_ms();
    now_ms = delay < 0 ? until_ms : std::min(until_ms, now_ms + std::max(delay, 1));
    wheel.advance({now_ms});
    if (each) each();
  }
}

TEST(TimerWheel, IsNeverLateAndLessThanATickEarly) {
  for (const std::int64_t delay :
       {0L, 1L, 7L, 8L, 9L, 100L, 511L, 512L, 513L, 4095L, 4096L, 25'000L, 32'767L, 32'768L,
        2'097'151L, 2'097'152L, 86'400'000L, 40L * 86'400'000L}) {
    TimerWheel wheel({kStart});
    Probe probe;
    std::int64_t now = kStart;
    std::int64_t fired_at = -1;
    probe.action = [&] { fired_at = now; };
    wheel.start(probe, delay);
    run_until(wheel, now, kStart + delay + 10);
    ASSERT_EQ(probe.fired, 1) << delay;
    // A loop cannot turn twice in one millisecond here, so 0 counts as 1.
    EXPECT_LE(fired_at, kStart + std::max<std::int64_t>(delay, 1)) << delay;
    EXPECT_GT(fired_at, kStart + delay - TimerWheel::kTickMs) << delay;
  }
}

TEST(TimerWheel, RandomTimersFireInTheirWindowAndInOrder) {
  std::mt19937_64 random(7);
  TimerWheel wheel({kStart});
  std::int64_t now = kStart;
  struct Entry {
    Probe probe;
    std::int64_t due = 0;
    std::int64_t fired_at = -1;
  };
  std::vector<std::unique_ptr<Entry>> entries;
  std::vector<std::int64_t> order;
  for (int i = 0; i < 2000; ++i) {
    auto entry = std::make_unique<Entry>();
    Entry* e = entry.get();
    e->probe.action = [&now, &order, e] {
      e->fired_at = now;
      order.push_back(e->due / TimerWheel::kTickMs);
    };
    const auto delay = static_cast<std::int64_t>(random() % (1ULL << (random() % 24)));
    e->due = now + delay;
    wheel.start(e->probe, delay);
    entries.push_back(std::move(entry));
    if (i % 10 == 0) run_until(wheel, now, now + static_cast<std::int64_t>(random() % 50));
  }
  run_until(wheel, now, now + (1 << 24));
  for (const auto& e : entries) {
    ASSERT_EQ(e->probe.fired, 1);
    EXPECT_LE(e->fired_at, e->due + 1);
    EXPECT_GT(e->fired_at, e->due - TimerWheel::kTickMs);
  }
  EXPECT_EQ(wheel.next_delay_ms(), -1);
}

TEST(TimerWheel, FiresInOrderOfTicksWhenTheThreadWasBusy) {
  TimerWheel wheel({kStart});
  std::vector<int> order;
  std::vector<std::unique_ptr<Probe>> probes;
  for (const int delay : {5000, 40, 100'000, 600, 41'000}) {
    auto& probe = probes.emplace_back(std::make_unique<Probe>());
    probe->action = [&order, delay] { order.push_back(delay); };
    wheel.start(*probe, delay);
  }
  wheel.advance({kStart + 200'000});
  EXPECT_EQ(order, (std::vector<int>{40, 600, 5000, 41'000, 100'000}));
}

TEST(TimerWheel, StoppedAndRestartedTimers) {
  TimerWheel wheel({kStart});
  Probe stopped;
  Probe restarted;
  wheel.start(stopped, 50);
  wheel.start(restarted, 50);
  stopped.stop();
  stopped.stop();
  wheel.start(restarted, 500);
  EXPECT_FALSE(stopped.active());
  EXPECT_TRUE(restarted.active());
  wheel.advance({kStart + 400});
  EXPECT_EQ(restarted.fired, 0);
  wheel.advance({kStart + 500});
  EXPECT_EQ(restarted.fired, 1);
  EXPECT_EQ(stopped.fired, 0);
  EXPECT_FALSE(restarted.active());
  EXPECT_EQ(wheel.next_delay_ms(), -1);
}

TEST(TimerWheel, CallbacksMayStopStartAndDestroyTimers) {
  TimerWheel wheel({kStart});
  Probe again;
  Probe killer;
  Probe victim;
  auto doomed = std::make_unique<Probe>();
  again.action = [&] {
    if (again.fired < 3) wheel.start(again, 10);
  };
  killer.action = [&] {
    victim.stop();
    doomed.reset();
  };
  wheel.start(killer, 100);
  wheel.start(victim, 100);
  wheel.start(*doomed, 100);
  wheel.start(again, 10);
  auto self = std::make_unique<Probe>();
  self->action = [&] { self.reset(); };
  wheel.start(*self, 30);
  std::int64_t now = kStart;
  run_until(wheel, now, kStart + 200);
  EXPECT_EQ(again.fired, 3);
  EXPECT_EQ(killer.fired, 1);
  EXPECT_EQ(victim.fired, 0);
  EXPECT_EQ(self, nullptr);
}

TEST(TimerWheel, ATimerWithoutDelayDoesNotKeepTheThreadForEver) {
  TimerWheel wheel({kStart});
  Probe probe;
  probe.action = [&] { wheel.start(probe, 0); };
  wheel.start(probe, 0);
  EXPECT_EQ(wheel.next_delay_ms(), 0);
  wheel.advance({kStart});
  EXPECT_EQ(probe.fired, 1);
  wheel.advance({kStart});
  EXPECT_EQ(probe.fired, 2);
}

TEST(TimerWheel, TakesDelaysWithoutBound) {
  TimerWheel wheel({kStart});
  Probe probe;
  wheel.start(probe, std::numeric_limits<std::int64_t>::max());
  EXPECT_GT(wheel.next_delay_ms(), 0);
  std::int64_t now = kStart;
  run_until(wheel, now, kStart + 1000L * 86'400'000);
  EXPECT_EQ(probe.fired, 0);
  EXPECT_TRUE(probe.active());
}

TEST(TimerWheel, TimeThatGoesBackIsIgnored) {
  TimerWheel wheel({kStart});
  Probe probe;
  wheel.start(probe, 100);
  wheel.advance({kStart - 500});
  wheel.advance({kStart + 100});
  EXPECT_EQ(probe.fired, 1);
}

TEST(TimerWheel, MayBeDestroyedBeforeItsTimers) {
  Probe probe;
  {
    TimerWheel wheel({kStart});
    wheel.start(probe, 100);
  }
  EXPECT_FALSE(probe.active());
}

}  // namespace
}  // namespace maru::net
