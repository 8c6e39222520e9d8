#include "gateway/rate_limiter.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>

namespace maru::gateway {
namespace {

constexpr std::int64_t kTicksPerMs = 8;
constexpr int kTimeBits = 40;  // of ticks since the limiter was made: 4.3 years
constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << kTimeBits) - 1;
constexpr std::size_t kWays = 8;  // one cache line of slots

constexpr std::int64_t kLoginDelayFirstMs = 1'000;
constexpr std::int64_t kLoginDelayMaxMs = 15 * 60 * 1000;
constexpr std::int64_t kLoginMemoryMs = 24LL * 3600 * 1000;
constexpr int kFailuresMax = 31;
constexpr std::int64_t kLoginUnitMs = 8;

std::int64_t login_delay_after(int failures) {
  const int doublings = std::min(failures - 1, 10);
  return std::min(kLoginDelayFirstMs << doublings, kLoginDelayMaxMs);
}

// GCRA (ATM Forum TM 4.0, "virtual scheduling"): a bucket is the one time at which it would be
// empty again.
struct Pace {
  std::int64_t interval_ticks = 0;
  std::int64_t tolerance_ticks = 0;  // interval × (burst − 1)
};

Pace pace(double per_second, double burst) {
  const double interval = 1000.0 * kTicksPerMs / std::max(per_second, 1e-6);
  return {std::max<std::int64_t>(std::llround(interval), 1),
          std::llround(interval * std::max(burst - 1, 0.0))};
}

// A fixed table of (tag, value) words: `kTagBits` say whose the word is, the rest is its value.
// A set is one cache line; a newcomer takes the word with the smallest value, which is the oldest.
template <std::size_t kSets>
class SlotTable {
 public:
  struct Found {
    std::atomic<std::uint64_t>* slot = nullptr;
    std::uint64_t word = 0;  // as read
    std::uint64_t value = 0;
    bool present = false;
  };

  static std::uint64_t tag_of(std::uint64_t hash) {
    const std::uint64_t tag = hash >> kTimeBits;
    return tag == 0 ? 1 : tag;  // an all-zero word is a free slot
  }

  // The word of `hash`, or the one to overwrite for it.
  [[nodiscard]] Found find(std::uint64_t hash) const {
    auto& set = sets_[hash % kSets];
    const std::uint64_t tag = tag_of(hash);
    Found oldest;
    for (auto& slot : set.slots) {
      const std::uint64_t word = slot.load(std::memory_order_relaxed);
      const std::uint64_t value = word & kTimeMask;
      if (word >> kTimeBits == tag) return {&slot, word, value, true};
      if (oldest.slot == nullptr || value < oldest.value) oldest = {&slot, word, value, false};
    }
    oldest.value = 0;
    return oldest;
  }

  // False: another thread was there first; find() again.
  static bool replace(const Found& found, std::uint64_t hash, std::uint64_t value) {
    std::uint64_t expected = found.word;
    return found.slot->compare_exchange_weak(
        expected, tag_of(hash) << kTimeBits | (value & kTimeMask), std::memory_order_relaxed);
  }

 private:
  struct alignas(64) Set {
    std::array<std::atomic<std::uint64_t>, kWays> slots{};
  };
  mutable std::array<Set, kSets> sets_;
};

// One thread wins each round, so a loser's retries are bounded in practice; past this many the
// caller is let through, which is the kinder error of a limiter.
constexpr int kRetriesMax = 64;

std::uint64_t keyed_hash(const void* data, std::size_t size) {
  // A secret key: nobody can choose names that share a bucket.
  static const std::array<unsigned char, crypto_shorthash_KEYBYTES> key = [] {
    std::array<unsigned char, crypto_shorthash_KEYBYTES> bytes{};
    if (sodium_init() < 0) return bytes;
    randombytes_buf(bytes.data(), bytes.size());
    return bytes;
  }();
  std::uint64_t hash = 0;
  static_assert(crypto_shorthash_BYTES == sizeof hash);
  crypto_shorthash(reinterpret_cast<unsigned char*>(&hash), static_cast<const unsigned char*>(data),
                   size, key.data());
  return hash;
}

std::uint64_t bucket_hash(Rate rate, std::uint64_t key) {
  const std::array<std::uint64_t, 2> input{key, static_cast<std::uint64_t>(rate)};
  return keyed_hash(input.data(), sizeof input);
}

}  // namespace

struct RateLimiter::Implementation {
  Implementation(const GatewayOptions& o, const Clock& c)
      : enabled(o.rate_limits),
        clock(c),
        start(c.monotonic()),
        paces{pace(o.messages_per_user, o.messages_per_user_burst),
              pace(o.messages_per_room, o.messages_per_room_burst),
              pace(o.events_per_connection, o.events_per_connection_burst),
              pace(o.joins_per_user, o.joins_per_user_burst),
              pace(o.history_per_user, o.history_per_user_burst),
              pace(o.logins_per_ip_minute / 60, o.logins_per_ip_minute),
              pace(o.registers_per_ip_minute / 60, o.registers_per_ip_minute)} {}

  [[nodiscard]] std::int64_t now_ms() const { return clock.monotonic().ms - start.ms; }
  [[nodiscard]] std::int64_t now_ticks() const { return now_ms() * kTicksPerMs; }

  const bool enabled;
  const Clock& clock;
  const MonotonicTime start;
  const std::array<Pace, 7> paces;
  SlotTable<16'384> buckets;  // 1 MiB
  SlotTable<2'048> logins;    // 128 KiB; value: units of kLoginUnitMs << 5 | failures
};

RateLimiter::RateLimiter(const GatewayOptions& options, const Clock& clock)
    : implementation_(std::make_unique<Implementation>(options, clock)) {}
RateLimiter::~RateLimiter() = default;

std::int64_t RateLimiter::take(Rate rate, std::uint64_t key, std::int64_t wait_max_ms) {
  Implementation& it = *implementation_;
  if (!it.enabled) return 0;
  const Pace& pace = it.paces[static_cast<std::size_t>(rate)];
  const std::uint64_t hash = bucket_hash(rate, key);
  const std::int64_t now = it.now_ticks();
  for (int i = 0; i < kRetriesMax; ++i) {
    const auto found = it.buckets.find(hash);
    const std::int64_t empty_at = std::max(now, static_cast<std::int64_t>(found.value));
    const std::int64_t wait = std::max<std::int64_t>(empty_at - pace.tolerance_ticks - now, 0);
    const std::int64_t wait_ms = (wait + kTicksPerMs - 1) / kTicksPerMs;
    if (wait_ms > std::max<std::int64_t>(wait_max_ms, 0)) return -1;
    if (it.buckets.replace(found, hash, static_cast<std::uint64_t>(empty_at + pace.interval_ticks)))
      return wait_ms;
  }
  return 0;
}

RateLimiter::Taken RateLimiter::take_all(std::span<const Toll> tolls, std::int64_t wait_max_ms) {
  Taken taken;
  for (std::size_t i = 0; i < tolls.size(); ++i) {
    const std::int64_t wait = take(tolls[i].rate, tolls[i].key, wait_max_ms);
    if (wait < 0) {
      for (std::size_t j = 0; j < i; ++j) give_back(tolls[j]);
      return {0, &tolls[i]};
    }
    taken.wait_ms = std::max(taken.wait_ms, wait);
  }
  return taken;
}

void RateLimiter::give_back(const Toll& toll) {
  Implementation& it = *implementation_;
  if (!it.enabled) return;
  const Pace& pace = it.paces[static_cast<std::size_t>(toll.rate)];
  const std::uint64_t hash = bucket_hash(toll.rate, toll.key);
  for (int i = 0; i < kRetriesMax; ++i) {
    const auto found = it.buckets.find(hash);
    if (!found.present) return;  // forgotten meanwhile: full again
    const std::int64_t empty_at = static_cast<std::int64_t>(found.value) - pace.interval_ticks;
    if (it.buckets.replace(found, hash,
                           static_cast<std::uint64_t>(std::max<std::int64_t>(empty_at, 0)))) {
      return;
    }
  }
}

std::int64_t RateLimiter::retry_after_ms(Rate rate, std::uint64_t key) const {
  const Implementation& it = *implementation_;
  const Pace& pace = it.paces[static_cast<std::size_t>(rate)];
  const auto found = it.buckets.find(bucket_hash(rate, key));
  if (!found.present) return 0;
  const std::int64_t wait =
      static_cast<std::int64_t>(found.value) - pace.tolerance_ticks - it.now_ticks();
  return wait <= 0 ? 0 : (wait + kTicksPerMs - 1) / kTicksPerMs;
}

namespace {

struct LoginRecord {
  int failures = 0;
  std::int64_t until_ms = 0;  // since the limiter was made
};

LoginRecord read_login(std::uint64_t value, std::int64_t now_ms) {
  LoginRecord record{static_cast<int>(value & 31),
                     static_cast<std::int64_t>(value >> 5) * kLoginUnitMs};
  if (record.until_ms + kLoginMemoryMs < now_ms) return {};
  return record;
}

std::uint64_t login_hash(std::uint64_t account_key) {
  return keyed_hash(&account_key, sizeof account_key);
}

}  // namespace

void RateLimiter::login_failed(std::uint64_t account_key) {
  Implementation& it = *implementation_;
  const std::uint64_t hash = login_hash(account_key);
  const std::int64_t now = it.now_ms();
  for (int i = 0; i < kRetriesMax; ++i) {
    const auto found = it.logins.find(hash);
    const LoginRecord record = found.present ? read_login(found.value, now) : LoginRecord{};
    const int failures = std::min(record.failures + 1, kFailuresMax);
    const std::int64_t until = std::max(record.until_ms, now + login_delay_after(failures));
    const auto units = static_cast<std::uint64_t>((until + kLoginUnitMs - 1) / kLoginUnitMs);
    if (it.logins.replace(found, hash, units << 5 | static_cast<std::uint64_t>(failures))) return;
  }
}

void RateLimiter::login_succeeded(std::uint64_t account_key) {
  Implementation& it = *implementation_;
  const std::uint64_t hash = login_hash(account_key);
  for (int i = 0; i < kRetriesMax; ++i) {
    const auto found = it.logins.find(hash);
    if (!found.present || it.logins.replace(found, hash, 0)) return;
  }
}

std::int64_t RateLimiter::login_delay_ms(std::uint64_t account_key) const {
  const Implementation& it = *implementation_;
  if (!it.enabled) return 0;
  const auto found = it.logins.find(login_hash(account_key));
  if (!found.present) return 0;
  return std::max<std::int64_t>(read_login(found.value, it.now_ms()).until_ms - it.now_ms(), 0);
}

int RateLimiter::login_failures(std::uint64_t account_key) const {
  const Implementation& it = *implementation_;
  const auto found = it.logins.find(login_hash(account_key));
  return found.present ? read_login(found.value, it.now_ms()).failures : 0;
}

std::uint64_t RateLimiter::key_of(std::string_view text) {
  return keyed_hash(text.data(), text.size());
}

}  // namespace maru::gateway
