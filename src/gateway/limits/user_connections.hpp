// How many sockets each user has open, and the cap on it (quality.md 1, row 22). Any thread; a
// short lock on one of several stripes, at connect and disconnect only. 16 bytes a user and slack.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/id.hpp"

namespace maru::gateway {

class UserConnections {
 public:
  // 0: no cap, and nothing is counted.
  explicit UserConnections(std::size_t per_user_max) : max_(per_user_max) {}
  UserConnections(const UserConnections&) = delete;
  UserConnections& operator=(const UserConnections&) = delete;

  // False: the user has as many as may be. A zero user is nobody, and not counted.
  [[nodiscard]] bool take(const UserId& user);
  // One that take() gave.
  void give_back(const UserId& user);
  [[nodiscard]] std::size_t count_of(const UserId& user);

 private:
  // Open addressing: a user's slot is the first of its kind after its hash, without holes between.
  struct Slot {
    UserId user;
    std::uint32_t count = 0;  // 0: free
  };
  struct alignas(64) Stripe {
    std::mutex mutex;
    std::vector<Slot> slots;  // none, or a power of two, at most three quarters full
    std::size_t used = 0;
  };
  static constexpr std::size_t kStripes = 16;
  static constexpr std::size_t kSlotsMin = 16;

  Stripe& stripe_of(std::uint64_t hash) { return stripes_[hash % kStripes]; }
  static std::size_t find(const Stripe& stripe, const UserId& user, std::uint64_t hash);
  static void resize(Stripe& stripe, std::size_t slots);
  static void close_gap(Stripe& stripe, std::size_t gap);

  const std::size_t max_;
  std::array<Stripe, kStripes> stripes_;
};

}  // namespace maru::gateway
