#include "net/connection_limits.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace maru::net {
namespace {

// For the store, logs and drivers.
constexpr std::size_t kDescriptorsReserved = 256;

std::size_t descriptors_for_clients() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 1'000'000;
  const auto descriptors = static_cast<std::size_t>(limit.rlim_cur);
  return std::max<std::size_t>(descriptors - std::min(kDescriptorsReserved, descriptors / 4), 1);
}

}  // namespace

ConnectionLimits::ConnectionLimits(std::size_t connections_max, std::size_t per_address_max)
    : connections_max_(connections_max != 0 ? connections_max : descriptors_for_clients()),
      per_address_max_(per_address_max) {}

bool ConnectionLimits::take_one_of_all() {
  if (open_.fetch_add(1, std::memory_order_relaxed) < connections_max_) return true;
  open_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

std::expected<ConnectionLimits::Place*, ConnectionLimits::Cap> ConnectionLimits::take(
    const Address& address, bool exempt) {
  if (exempt || per_address_max_ == 0) {
    if (!take_one_of_all()) return std::unexpected(Cap::kTotal);
    return &exempt_;
  }
  const Address prefix = limit_prefix(address);
  Shard& shard = shard_of(prefix);
  const std::lock_guard lock(shard.mutex);
  // First what may find no memory.
  const auto found = shard.places.try_emplace(prefix, Place{this, prefix, 0}).first;
  Place& place = found->second;
  if (place.count >= per_address_max_) return std::unexpected(Cap::kAddress);
  if (!take_one_of_all()) {
    if (place.count == 0) shard.places.erase(found);
    return std::unexpected(Cap::kTotal);
  }
  ++place.count;
  return &place;
}

void ConnectionLimits::leave(Place* place) {
  if (place == nullptr) return;
  ConnectionLimits& limits = *place->limits;
  limits.open_.fetch_sub(1, std::memory_order_relaxed);
  if (place == &limits.exempt_) return;
  Shard& shard = limits.shard_of(place->prefix);
  const std::lock_guard lock(shard.mutex);
  if (--place->count == 0) shard.places.erase(Address(place->prefix));
}

bool ConnectionLimits::is_first_refusal(Cap cap) {
  return !refused_[static_cast<std::size_t>(cap)].exchange(true, std::memory_order_relaxed);
}

}  // namespace maru::net
