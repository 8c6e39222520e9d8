#include "gateway/limits/rate_limiter.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "gateway/limits/slot_table.hpp"
#include "net/address.hpp"

namespace maru::gateway {
namespace {

// A bucket's value: ticks since the limiter was made; kSlotValueBits of them are 4.3 years.
constexpr std::int64_t kTicksPerMs = 8;

// GCRA (ATM Forum TM 4.0, "virtual scheduling"): a bucket is the one time at which it would be
// empty again.
struct Pace {
  std::int64_t interval_ticks = 0;
  std::int64_t tolerance_ticks = 0;  // interval × (burst − 1)
};

Pace pace_of(Rate rate, const GatewayOptions& options) {
  const auto [per_second, burst] = policy_of(rate, options);
  const double interval = 1000.0 * kTicksPerMs / std::max(per_second, 1e-6);
  return {std::max<std::int64_t>(std::llround(interval), 1),
          std::llround(interval * std::max(burst - 1, 0.0))};
}

std::array<Pace, kRateCount> paces_of(const GatewayOptions& options) {
  std::array<Pace, kRateCount> paces;
  for (std::size_t i = 0; i < kRateCount; ++i) paces[i] = pace_of(static_cast<Rate>(i), options);
  return paces;
}

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

std::uint64_t bucket_hash(const Toll& toll) {
  const std::array<std::uint64_t, 2> input{
      toll.key, static_cast<std::uint64_t>(toll.rate) | std::uint64_t{toll.width} << 32};
  return keyed_hash(input.data(), sizeof input);
}

}  // namespace

struct RateLimiter::Implementation {
  Implementation(const GatewayOptions& o, const Clock& c)
      : enabled(o.rate_limits), clock(c), start(c.monotonic()), paces(paces_of(o)) {}

  [[nodiscard]] std::int64_t now_ms() const { return clock.monotonic().ms - start.ms; }
  [[nodiscard]] std::int64_t now_ticks() const { return now_ms() * kTicksPerMs; }
  // The tolerance is an interval less than the burst takes; so is that of a wider bucket.
  [[nodiscard]] Pace pace_of(const Toll& toll) const {
    const Pace& one = paces[static_cast<std::size_t>(toll.rate)];
    if (toll.width <= 1) return one;
    const std::int64_t interval = std::max<std::int64_t>(one.interval_ticks / toll.width, 1);
    return {interval, one.tolerance_ticks + one.interval_ticks - interval};
  }

  const bool enabled;
  const Clock& clock;
  const MonotonicTime start;
  const std::array<Pace, kRateCount> paces;
  SlotTable<16'384> buckets;  // 1 MiB
};

RateLimiter::RateLimiter(const GatewayOptions& options, const Clock& clock)
    : implementation_(std::make_unique<Implementation>(options, clock)) {}
RateLimiter::~RateLimiter() = default;

std::int64_t RateLimiter::take(const Toll& toll, std::int64_t wait_max_ms) {
  Implementation& it = *implementation_;
  if (!it.enabled) return 0;
  const Pace pace = it.pace_of(toll);
  const std::uint64_t hash = bucket_hash(toll);
  const std::int64_t now = it.now_ticks();
  for (int i = 0; i < kSlotRetriesMax; ++i) {
    const auto found = it.buckets.find(hash);
    const std::int64_t empty_at = std::max(now, static_cast<std::int64_t>(found.value));
    const std::int64_t wait = std::max<std::int64_t>(empty_at - pace.tolerance_ticks - now, 0);
    const std::int64_t wait_ms = (wait + kTicksPerMs - 1) / kTicksPerMs;
    if (wait_ms > std::max<std::int64_t>(wait_max_ms, 0)) return -1;
    if (it.buckets.replace(found, hash, static_cast<std::uint64_t>(empty_at + pace.interval_ticks)))
      return wait_ms;
  }
  return 0;  // letting through is the kinder error of a limiter
}

RateLimiter::Taken RateLimiter::take_all(std::span<const Toll> tolls, std::int64_t wait_max_ms) {
  Taken taken;
  for (std::size_t i = 0; i < tolls.size(); ++i) {
    const std::int64_t wait = take(tolls[i], wait_max_ms);
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
  const Pace pace = it.pace_of(toll);
  const std::uint64_t hash = bucket_hash(toll);
  for (int i = 0; i < kSlotRetriesMax; ++i) {
    const auto found = it.buckets.find(hash);
    if (!found.present) return;  // forgotten meanwhile: full again
    const std::int64_t empty_at = static_cast<std::int64_t>(found.value) - pace.interval_ticks;
    if (it.buckets.replace(found, hash,
                           static_cast<std::uint64_t>(std::max<std::int64_t>(empty_at, 0)))) {
      return;
    }
  }
}

void RateLimiter::charge(const Toll& toll, std::uint64_t weight, std::int64_t wait_max_ms) {
  Implementation& it = *implementation_;
  if (!it.enabled || weight == 0) return;
  const Pace pace = it.pace_of(toll);
  const std::uint64_t hash = bucket_hash(toll);
  const std::int64_t now = it.now_ticks();
  const std::int64_t latest =
      now + pace.tolerance_ticks + std::max<std::int64_t>(wait_max_ms, 0) * kTicksPerMs;
  for (int i = 0; i < kSlotRetriesMax; ++i) {
    const auto found = it.buckets.find(hash);
    const std::int64_t before = std::max(now, static_cast<std::int64_t>(found.value));
    const std::int64_t steps = (std::max(latest, before) - before) / pace.interval_ticks;
    const std::int64_t taken = std::min<std::int64_t>(
        static_cast<std::int64_t>(std::min<std::uint64_t>(weight, 1'000'000)), steps);
    if (taken == 0) return;
    const std::int64_t after = before + taken * pace.interval_ticks;
    if (it.buckets.replace(found, hash, static_cast<std::uint64_t>(after))) return;
  }
}

std::int64_t RateLimiter::retry_after_ms(const Toll& toll) const {
  const Implementation& it = *implementation_;
  const Pace pace = it.pace_of(toll);
  const auto found = it.buckets.find(bucket_hash(toll));
  if (!found.present) return 0;
  const std::int64_t wait =
      static_cast<std::int64_t>(found.value) - pace.tolerance_ticks - it.now_ticks();
  return wait <= 0 ? 0 : (wait + kTicksPerMs - 1) / kTicksPerMs;
}

std::size_t reads_waiting_max(const GatewayOptions& options, Rate rate) {
  if (!options.rate_limits) return std::numeric_limits<std::size_t>::max();
  return rate == Rate::kReadsOfUser ? options.reads_waiting_per_user : options.reads_waiting_per_ip;
}

void charge_for_rows(RateLimiter& limiter, const GatewayOptions& options, const Toll& share,
                     std::uint64_t rows) {
  constexpr std::uint64_t kRowsOfOne = 100;
  limiter.charge(share, rows / kRowsOfOne, options.rate_delay_max_ms);
}

std::string network_of(std::string_view peer_address) {
  const auto address = net::Address::parse(peer_address);
  return address ? net::limit_prefix(*address).to_text() : std::string(peer_address);
}

NetworkTolls tolls_of_network(Rate rate, std::string_view peer_address) {
  struct Width {
    unsigned bits;
    unsigned times;
  };
  constexpr std::array<Width, 3> kWidths{{{64, 1}, {56, 4}, {48, 16}}};
  NetworkTolls out;
  const auto address = net::Address::parse(peer_address);
  out.size = address && !net::is_ipv4(*address) ? kWidths.size() : 1;
  for (std::size_t i = 0; i < out.size; ++i) {
    const std::string network = address ? net::limit_prefix(*address, kWidths[i].bits).to_text()
                                        : std::string(peer_address);
    out.tolls[i] = {rate, RateLimiter::key_of(network), kWidths[i].times};
  }
  return out;
}

std::uint64_t RateLimiter::key_of_network(std::string_view peer_address) {
  return key_of(network_of(peer_address));
}

std::uint64_t RateLimiter::key_of(std::string_view text) {
  return keyed_hash(text.data(), text.size());
}

}  // namespace maru::gateway
