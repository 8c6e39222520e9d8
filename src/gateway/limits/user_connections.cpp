#include "gateway/limits/user_connections.hpp"

#include <cassert>

namespace maru::gateway {

bool UserConnections::take(const UserId& user) {
  if (max_ == 0 || user.is_zero()) return true;
  Stripe& stripe = stripe_of(user);
  const std::lock_guard lock(stripe.mutex);
  std::uint32_t& count = stripe.counts[user];
  if (count >= max_) return false;
  ++count;
  return true;
}

void UserConnections::give_back(const UserId& user) {
  if (max_ == 0 || user.is_zero()) return;
  Stripe& stripe = stripe_of(user);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.counts.find(user);
  assert(found != stripe.counts.end());
  if (found == stripe.counts.end() || --found->second > 0) return;
  stripe.counts.erase(found);
  // A storm that is over gives its memory back.
  if (stripe.counts.bucket_count() > kSlotsMin &&
      stripe.counts.size() * 8 < stripe.counts.bucket_count()) {
    stripe.counts.rehash(stripe.counts.size() * 2);
  }
}

std::size_t UserConnections::count_of(const UserId& user) {
  Stripe& stripe = stripe_of(user);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.counts.find(user);
  return found == stripe.counts.end() ? 0 : found->second;
}

}  // namespace maru::gateway
