#include "gateway/limits/login_guard.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "gateway/limits/rate_limiter.hpp"
#include "gateway/limits/slot_table.hpp"

namespace maru::gateway {
namespace {

constexpr std::int64_t kDelayFirstMs = 1'000;
constexpr std::int64_t kDelayMaxMs = 15 * 60 * 1000;
constexpr std::int64_t kMemoryMs = 24LL * 3600 * 1000;
constexpr std::int64_t kKnownMemoryMs = 30LL * 24 * 3600 * 1000;
constexpr int kFailuresMax = 31;
// So many failures of a network count for the account, too.
constexpr int kNetworkShareMax = 4;

// How one kind of counter delays: by the failures past `free`; ahead of the outcome, only when
// attempts and failures together pass `free_ahead`, so that a few devices may log in at once.
struct Rule {
  int free = 0;
  int free_ahead = 0;
};
constexpr Rule kNetworkRule{0, 3};
constexpr Rule kAccountRule{20, 20};

// A word's value: until, in units, since `start` − kMemoryMs (34 bits, 4.3 years); 1 bit: known;
// 5 bits: failures. Ordered by until, so that the table forgets the oldest.
constexpr std::int64_t kUnitMs = 8;
constexpr int kFailuresBits = 5;

struct Counter {
  std::int64_t until_ms = 0;
  int failures = 0;
  bool known = false;
};

std::uint64_t pack(const Counter& counter) {
  const auto units = static_cast<std::uint64_t>((counter.until_ms + kUnitMs - 1) / kUnitMs);
  return (units << 1 | (counter.known ? 1u : 0u)) << kFailuresBits |
         static_cast<std::uint64_t>(counter.failures);
}

Counter unpack(std::uint64_t value, std::int64_t now_ms) {
  Counter counter{static_cast<std::int64_t>(value >> (kFailuresBits + 1)) * kUnitMs,
                  static_cast<int>(value & ((1u << kFailuresBits) - 1)),
                  (value >> kFailuresBits & 1) != 0};
  if (counter.until_ms + kMemoryMs < now_ms) counter.failures = 0;
  if (counter.until_ms + kKnownMemoryMs < now_ms) counter.known = false;
  return counter;
}

std::int64_t delay_of(const Rule& rule, int failures) {
  const int counted = failures - rule.free;
  if (counted <= 0) return 0;
  return std::min(kDelayFirstMs << std::min(counted - 1, 10), kDelayMaxMs);
}

// Kept as it is by pack(): no delay must come of rounding.
std::int64_t whole_units(std::int64_t ms) {
  return ms / kUnitMs * kUnitMs;
}

chat::LoginKey make_key(char kind, std::string_view folded_name, std::string_view network) {
  std::string text(1, kind);
  text += folded_name;
  text += '\0';  // no name holds one
  text += network;
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  chat::LoginKey key{};
  std::memcpy(key.data(), hash.data(), key.size());
  return key;
}

std::uint64_t slot_hash(const chat::LoginKey& key) {
  return RateLimiter::key_of(
      std::string_view(reinterpret_cast<const char*>(key.data()), key.size()));
}

}  // namespace

struct LoginGuard::Implementation {
  Implementation(const GatewayOptions& options, const Clock& c, chat::CommandLog& log)
      : enabled(options.rate_limits), clock(c), commands(log), start(c.monotonic()) {}

  // Past times are positive too.
  [[nodiscard]] std::int64_t now_ms() const { return clock.monotonic().ms - start.ms + kMemoryMs; }
  [[nodiscard]] Counter read(const chat::LoginKey& key) const {
    const auto found = counters.find(slot_hash(key));
    return found.present ? unpack(found.value, now_ms()) : Counter{};
  }
  // change(Counter&) → whether it is to be written. Returns what holds afterwards.
  template <class Change>
  Counter update(const chat::LoginKey& key, Change&& change) {
    const std::uint64_t hash = slot_hash(key);
    Counter counter;
    for (int i = 0; i < kSlotRetriesMax; ++i) {
      const auto found = counters.find(hash);
      counter = found.present ? unpack(found.value, now_ms()) : Counter{};
      if (!change(counter) || counters.replace(found, hash, pack(counter))) return counter;
    }
    return counter;
  }

  enum class Wait : std::uint8_t { kYes, kNo };
  std::int64_t count(Counted& counted, const Rule& rule, Wait wait);
  Counter fail(const Counted& counted, const Rule& rule);
  void undo(const Counted& counted);
  void store(std::vector<chat::LoginFailures> noted, std::move_only_function<void()> then);
  [[nodiscard]] chat::LoginFailures to_stored(const chat::LoginKey& key,
                                              const Counter& counter) const {
    return {key, counter.failures, WallTime{clock.wall().ms + counter.until_ms - now_ms()}};
  }

  const bool enabled;
  const Clock& clock;
  chat::CommandLog& commands;
  const MonotonicTime start;
  SlotTable<kCountersMax / 8> counters;
};

// Counts an attempt that has not failed yet. Returns the delay that is still to wait, with nothing
// counted; who need not wait is counted all the same.
std::int64_t LoginGuard::Implementation::count(Counted& counted, const Rule& rule, Wait wait) {
  const std::int64_t now = now_ms();
  std::int64_t delay = 0;
  update(counted.key, [&](Counter& counter) {
    delay = wait == Wait::kYes ? std::max<std::int64_t>(counter.until_ms - now, 0) : 0;
    if (delay > 0) return false;
    counter.failures = std::min(counter.failures + 1, kFailuresMax);
    counted.until_before = counter.until_ms;
    const bool delays = counter.failures > rule.free_ahead;
    counter.until_ms = std::max(counter.until_ms,
                                whole_units(now) + (delays ? delay_of(rule, counter.failures) : 0));
    counted.until_ahead = counter.until_ms;
    return true;
  });
  counted.counted = delay == 0;
  return delay;
}

Counter LoginGuard::Implementation::fail(const Counted& counted, const Rule& rule) {
  const std::int64_t now = now_ms();
  return update(counted.key, [&](Counter& counter) {
    // Forgotten, or cleared by a success, since it was counted: it is the first of a new row.
    counter.failures = std::max(counter.failures, 1);
    const std::int64_t delay = delay_of(rule, counter.failures);
    counter.until_ms = std::max(counter.until_ms, delay == 0 ? whole_units(now) : now + delay);
    return true;
  });
}

void LoginGuard::Implementation::undo(const Counted& counted) {
  if (!counted.counted) return;
  const std::int64_t now = now_ms();
  update(counted.key, [&](Counter& counter) {
    counter.failures = std::max(counter.failures - 1, 0);
    const bool is_its_own = counter.until_ms == counted.until_ahead && counter.until_ms > now;
    if (is_its_own) counter.until_ms = std::max(counted.until_before, whole_units(now));
    return true;
  });
}

void LoginGuard::Implementation::store(std::vector<chat::LoginFailures> noted,
                                       std::move_only_function<void()> then) {
  chat::Command command{chat::NoteLoginFailures{std::move(noted)},
                        [then = std::move(then)](chat::Reply) mutable { then(); }};
  if (commands.submit(std::move(command))) return;
  log::warn("login_failures_not_stored");
  // A refused command is left as it was. NOLINTNEXTLINE(bugprone-use-after-move)
  command.reply(maru::fail(ErrorCode::kOverloaded, {}));
}

LoginGuard::LoginGuard(const GatewayOptions& options, const Clock& clock,
                       chat::CommandLog& commands)
    : implementation_(std::make_unique<Implementation>(options, clock, commands)) {}
LoginGuard::~LoginGuard() = default;

LoginGuard::Attempt LoginGuard::begin(std::string_view folded_name, std::string_view peer_address,
                                      From from) {
  Implementation& it = *implementation_;
  Attempt attempt;
  if (!it.enabled) return attempt;
  attempt.network.key = make_key('n', folded_name, network_of(peer_address));
  attempt.account.key = make_key('a', folded_name, {});
  const bool known = from == From::kKnownNetwork || it.read(attempt.network.key).known;
  attempt.delay_ms = it.count(attempt.network, kNetworkRule, Implementation::Wait::kYes);
  if (attempt.delay_ms > 0) return attempt;
  if (it.read(attempt.network.key).failures <= kNetworkShareMax) {
    attempt.delay_ms = it.count(attempt.account, kAccountRule,
                                known ? Implementation::Wait::kNo : Implementation::Wait::kYes);
  } else if (!known) {
    attempt.delay_ms =
        std::max<std::int64_t>(it.read(attempt.account.key).until_ms - it.now_ms(), 0);
  }
  if (attempt.delay_ms > 0) it.undo(attempt.network);
  return attempt;
}

void LoginGuard::failed(const Attempt& attempt, std::move_only_function<void()> stored) {
  Implementation& it = *implementation_;
  if (!attempt.network.counted) return stored();
  std::vector<chat::LoginFailures> noted;
  noted.push_back(it.to_stored(attempt.network.key, it.fail(attempt.network, kNetworkRule)));
  if (attempt.account.counted) {
    noted.push_back(it.to_stored(attempt.account.key, it.fail(attempt.account, kAccountRule)));
  }
  it.store(std::move(noted), std::move(stored));
}

void LoginGuard::succeeded(const Attempt& attempt) {
  Implementation& it = *implementation_;
  if (!attempt.network.counted) return;
  std::vector<chat::LoginFailures> forgotten;
  for (const Counted* counted : {&attempt.network, &attempt.account}) {
    int failures = 0;
    it.update(counted->key, [&](Counter& counter) {
      failures = counter.failures;
      counter = {whole_units(it.now_ms()), 0, counted == &attempt.network};
      return true;
    });
    // This attempt alone is not stored.
    if (failures > 1 || (failures == 1 && !counted->counted)) {
      forgotten.push_back({counted->key, 0, {}});
    }
  }
  if (!forgotten.empty()) it.store(std::move(forgotten), [] {});
}

void LoginGuard::not_tried(const Attempt& attempt) {
  implementation_->undo(attempt.network);
  implementation_->undo(attempt.account);
}

void LoginGuard::restore(std::span<const chat::LoginFailures> counters) {
  Implementation& it = *implementation_;
  const std::int64_t wall = it.clock.wall().ms;
  for (const chat::LoginFailures& stored : counters) {
    // The clock may have been set since: no more than the longest delay is believed.
    const std::int64_t ahead = std::min(stored.until.ms - wall, kDelayMaxMs);
    if (ahead < -kMemoryMs || stored.failures <= 0) continue;
    it.update(stored.key, [&](Counter& counter) {
      counter = {it.now_ms() + ahead, std::min(stored.failures, kFailuresMax), false};
      return true;
    });
  }
}

void LoginGuard::expire() {
  Implementation& it = *implementation_;
  const WallTime before{it.clock.wall().ms - kMemoryMs};
  chat::Command command{chat::ExpireLoginFailures{before, kCountersMax}, [](chat::Reply) {}};
  if (!it.commands.submit(std::move(command))) log::warn("login_failures_expiry_put_off");
}

}  // namespace maru::gateway
