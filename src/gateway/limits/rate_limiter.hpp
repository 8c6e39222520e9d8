// Token buckets for all I/O threads: lock-free, of fixed size, oldest buckets are forgotten first
// (quality.md 1, rows 7, 8, 22, 23). Any thread; never blocks.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "gateway/limits/rates.hpp"
#include "gateway/options.hpp"

namespace maru::gateway {

// For Error::retry_after_ms: a rate may be so slow that its wait does not fit.
[[nodiscard]] inline std::uint32_t as_retry_after(std::int64_t ms) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(ms, 0, UINT32_MAX));
}

// What limits per address count by, as text: net::limit_prefix of it. What is no address counts as
// it is.
[[nodiscard]] std::string network_of(std::string_view peer_address);

// One from one bucket. A bucket may be so many times as wide as its rate says.
struct Toll {
  Rate rate;
  std::uint64_t key;
  unsigned width = 1;
};

// What a rate of addresses takes for one client: of an IPv4 address from its bucket alone, of an
// IPv6 address from those of its /64, its /56 (four times as wide) and its /48 (sixteen times).
struct NetworkTolls {
  std::array<Toll, 3> tolls{};
  std::size_t size = 0;
  [[nodiscard]] std::span<const Toll> span() const { return std::span(tolls).first(size); }
};
[[nodiscard]] NetworkTolls tolls_of_network(Rate rate, std::string_view peer_address);

class RateLimiter {
 public:
  RateLimiter(const GatewayOptions& options, const Clock& clock);
  ~RateLimiter();

  // Takes one from the bucket if it is due within `wait_max_ms`. Returns how long to wait before
  // going on (0: now), or -1: refused, nothing taken. Always 0 when rate limits are off.
  std::int64_t take(const Toll& toll, std::int64_t wait_max_ms);
  std::int64_t take(Rate rate, std::uint64_t key, std::int64_t wait_max_ms) {
    return take(Toll{rate, key}, wait_max_ms);
  }
  // The same of several buckets: from each, or from none. `refused`: which one has too little.
  struct Taken {
    std::int64_t wait_ms = 0;
    const Toll* refused = nullptr;
  };
  Taken take_all(std::span<const Toll> tolls, std::int64_t wait_max_ms);
  // Takes `weight` more for what came out to cost so much, whatever is left: the next ones wait for
  // it, but never longer than `wait_max_ms` for what lies behind them.
  void charge(const Toll& toll, std::uint64_t weight, std::int64_t wait_max_ms);
  // When a refused caller may come back, for Retry-After.
  [[nodiscard]] std::int64_t retry_after_ms(const Toll& toll) const;
  [[nodiscard]] std::int64_t retry_after_ms(Rate rate, std::uint64_t key) const {
    return retry_after_ms(Toll{rate, key});
  }

  static std::uint64_t key_of(std::string_view text);
  // Of network_of(); tolls_of_network() is what the rates that end in OfIp take.
  static std::uint64_t key_of_network(std::string_view peer_address);
  template <class Tag>
  static std::uint64_t key_of(const ObjectId<Tag>& id) {
    return std::hash<ObjectId<Tag>>()(id);
  }

 private:
  void give_back(const Toll& toll);

  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

// How many bulk reads of one reader may wait (Rate::kReadsOfUser or kReadsOfIp).
[[nodiscard]] std::size_t reads_waiting_max(const GatewayOptions& options, Rate rate);
// After a bulk read: takes what the rows cost it. Any thread.
void charge_for_rows(RateLimiter& limiter, const GatewayOptions& options, const Toll& share,
                     std::uint64_t rows);

}  // namespace maru::gateway
