// How many sockets each user has open, and the cap on it (quality.md 1, row 22). Any thread; a
// short lock on one of several stripes, at connect and disconnect only. 16 bytes a user and slack.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>

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
  struct alignas(64) Stripe {
    std::mutex mutex;
    // None is 0.
    boost::unordered_flat_map<UserId, std::uint32_t, std::hash<UserId>> counts;
  };
  static constexpr std::size_t kStripes = 16;
  static constexpr std::size_t kSlotsMin = 64;

  Stripe& stripe_of(const UserId& user) {
    // The upper bits: the tables take the lower ones.
    return stripes_[(std::hash<UserId>()(user) * 0x9E37'79B9'7F4A'7C15ULL >> 60) % kStripes];
  }

  const std::size_t max_;
  std::array<Stripe, kStripes> stripes_;
};

}  // namespace maru::gateway
