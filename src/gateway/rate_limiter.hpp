// Token buckets for all I/O threads: lock-free, of fixed size, oldest buckets are forgotten first
// (quality.md 1, rows 7, 8, 22, 23). Any thread; never blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "gateway/options.hpp"

namespace maru::gateway {

enum class Rate : std::uint8_t {
  kMessagesOfUser,
  kMessagesOfRoom,
  kEventsOfConnection,
  kJoinsOfUser,
  kHistoryOfUser,
  kLoginsOfIp,
  kRegistersOfIp,
};

// One from one bucket.
struct Toll {
  Rate rate;
  std::uint64_t key;
};

class RateLimiter {
 public:
  RateLimiter(const GatewayOptions& options, const Clock& clock);
  ~RateLimiter();

  // Takes one from the bucket if it is due within `wait_max_ms`. Returns how long to wait before
  // going on (0: now), or -1: refused, nothing taken. Always 0 when rate limits are off.
  std::int64_t take(Rate rate, std::uint64_t key, std::int64_t wait_max_ms);
  // The same of several buckets: from each, or from none. `refused`: which one has too little.
  struct Taken {
    std::int64_t wait_ms = 0;
    const Toll* refused = nullptr;
  };
  Taken take_all(std::span<const Toll> tolls, std::int64_t wait_max_ms);
  // When a refused caller may come back, for Retry-After.
  [[nodiscard]] std::int64_t retry_after_ms(Rate rate, std::uint64_t key) const;

  // Delay after failed logins of one account: exponential, 1 s doubling to 15 min, no hard
  // lock-out.
  void login_failed(std::uint64_t account_key);
  void login_succeeded(std::uint64_t account_key);
  [[nodiscard]] std::int64_t login_delay_ms(std::uint64_t account_key) const;
  // Failures in a row that are remembered (24 h after the last delay ended, or until evicted).
  [[nodiscard]] int login_failures(std::uint64_t account_key) const;

  static std::uint64_t key_of(std::string_view text);
  template <class Tag>
  static std::uint64_t key_of(const ObjectId<Tag>& id) {
    return std::hash<ObjectId<Tag>>()(id);
  }

 private:
  void give_back(const Toll& toll);

  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace maru::gateway
