// The rates that clients are held to (quality.md 1, rows 7, 8, 22, 23): each is one row of one
// table. Constant; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gateway/options.hpp"

namespace maru::gateway {

enum class Rate : std::uint8_t {
  kMessagesOfUser,
  kMessagesOfRoom,
  kEventsOfConnection,
  kJoinsOfUser,
  kHistoryOfUser,
  kReadsOfUser,  // weighed: one a read and one for each hundred rows of the store it looked at
  kReadsOfIp,    // the same of readers whom nobody knows
  kLoginsOfIp,
  kRegistersOfIp,
  kOpenGuestsOfIp,  // logins without a password in open mode
  kPasswordChangesOfUser,
  kPasswordHashes,        // of all strangers together: what the hasher is asked for; key 0
  kKnownPasswordHashes,   // of all together who come from where they have logged in before; key 0
  kKnownHashesOfAccount,  // what of it one account takes
};
inline constexpr std::size_t kRateCount = static_cast<std::size_t>(Rate::kKnownHashesOfAccount) + 1;

// How answers and the audit trail call it: "logins".
[[nodiscard]] const char* name_of(Rate rate);

// As it is configured. A rate by the minute may be used up at once.
struct RatePolicy {
  double per_second = 0;
  double burst = 0;
};
[[nodiscard]] RatePolicy policy_of(Rate rate, const GatewayOptions& options);

}  // namespace maru::gateway
