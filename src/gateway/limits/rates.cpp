#include "gateway/limits/rates.hpp"

#include <array>

namespace maru::gateway {
namespace {

using Option = double GatewayOptions::*;

struct Row {
  Rate rate;
  const char* name;
  Option amount;
  Option burst;  // null: as much as the amount, which is by the minute
};

using O = GatewayOptions;
// clang-format off
constexpr std::array<Row, kRateCount> kRows{{
    {Rate::kMessagesOfUser,        "user-messages",    &O::messages_per_user, &O::messages_per_user_burst},
    {Rate::kMessagesOfRoom,        "chat-messages",    &O::messages_per_room, &O::messages_per_room_burst},
    {Rate::kEventsOfConnection,    "events",           &O::events_per_connection, &O::events_per_connection_burst},
    {Rate::kJoinsOfUser,           "joins",            &O::joins_per_user, &O::joins_per_user_burst},
    {Rate::kHistoryOfUser,         "history",          &O::history_per_user, &O::history_per_user_burst},
    {Rate::kReadsOfUser,           "reads",            &O::reads_per_user, &O::reads_per_user_burst},
    {Rate::kReadsOfIp,             "reads",            &O::reads_per_ip, &O::reads_per_ip_burst},
    {Rate::kLoginsOfIp,            "logins",           &O::logins_per_ip_minute, nullptr},
    {Rate::kRegistersOfIp,         "registrations",    &O::registers_per_ip_minute, nullptr},
    {Rate::kOpenGuestsOfIp,        "guests",           &O::open_guests_per_ip_minute, nullptr},
    {Rate::kPasswordChangesOfUser, "password-changes", &O::password_changes_per_user_minute, nullptr},
    {Rate::kPasswordHashes,        "passwords",        &O::password_hashes, &O::password_hashes_burst},
    {Rate::kKnownPasswordHashes,   "passwords",        &O::known_password_hashes, &O::known_password_hashes_burst},
    {Rate::kKnownHashesOfAccount,  "passwords",        &O::known_hashes_per_account_minute, nullptr},
}};
// clang-format on

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].rate != static_cast<Rate>(i)) return false;
  }
  return true;
}
static_assert(is_in_order());

const Row& row_of(Rate rate) {
  return kRows[static_cast<std::size_t>(rate)];
}

}  // namespace

const char* name_of(Rate rate) {
  return row_of(rate).name;
}

RatePolicy policy_of(Rate rate, const GatewayOptions& options) {
  const Row& row = row_of(rate);
  const double amount = options.*row.amount;
  if (row.burst == nullptr) return {amount / 60, amount};
  return {amount, options.*row.burst};
}

}  // namespace maru::gateway
