#include "gateway/limits/user_connections.hpp"

#include <cassert>
#include <utility>

namespace maru::gateway {
namespace {

std::uint64_t hash_of(const UserId& user) {
  // Imported ids need not be random.
  std::uint64_t hash = std::hash<UserId>()(user) * 0x9E37'79B9'7F4A'7C15ULL;
  return hash ^ hash >> 29;
}

std::size_t home_of(std::uint64_t hash, std::size_t slots) {
  return static_cast<std::size_t>(hash >> 8) & (slots - 1);
}

}  // namespace

// Its slot, or the free one where it belongs.
std::size_t UserConnections::find(const Stripe& stripe, const UserId& user, std::uint64_t hash) {
  const std::size_t mask = stripe.slots.size() - 1;
  std::size_t at = home_of(hash, stripe.slots.size());
  while (stripe.slots[at].count != 0 && stripe.slots[at].user != user) at = (at + 1) & mask;
  return at;
}

void UserConnections::resize(Stripe& stripe, std::size_t slots) {
  std::vector<Slot> old(slots);
  old.swap(stripe.slots);
  for (const Slot& slot : old) {
    if (slot.count != 0) stripe.slots[find(stripe, slot.user, hash_of(slot.user))] = slot;
  }
}

// Moves up what would not be found any more behind the gap.
void UserConnections::close_gap(Stripe& stripe, std::size_t gap) {
  const std::size_t mask = stripe.slots.size() - 1;
  for (std::size_t at = (gap + 1) & mask; stripe.slots[at].count != 0; at = (at + 1) & mask) {
    const std::size_t home = home_of(hash_of(stripe.slots[at].user), stripe.slots.size());
    if (((at - home) & mask) < ((at - gap) & mask)) continue;  // it is behind the gap by itself
    stripe.slots[gap] = std::exchange(stripe.slots[at], Slot{});
    gap = at;
  }
}

bool UserConnections::take(const UserId& user) {
  if (max_ == 0 || user.is_zero()) return true;
  const std::uint64_t hash = hash_of(user);
  Stripe& stripe = stripe_of(hash);
  const std::lock_guard lock(stripe.mutex);
  if ((stripe.used + 1) * 4 > stripe.slots.size() * 3) {
    resize(stripe, stripe.slots.empty() ? kSlotsMin : stripe.slots.size() * 2);
  }
  Slot& slot = stripe.slots[find(stripe, user, hash)];
  if (slot.count >= max_) return false;
  if (slot.count++ == 0) {
    slot.user = user;
    ++stripe.used;
  }
  return true;
}

void UserConnections::give_back(const UserId& user) {
  if (max_ == 0 || user.is_zero()) return;
  const std::uint64_t hash = hash_of(user);
  Stripe& stripe = stripe_of(hash);
  const std::lock_guard lock(stripe.mutex);
  if (stripe.slots.empty()) return;
  const std::size_t at = find(stripe, user, hash);
  auto& count = stripe.slots[at].count;
  assert(count > 0);
  if (count == 0) return;
  --count;
  if (count > 0) return;
  --stripe.used;
  close_gap(stripe, at);
  // A storm that is over gives its memory back.
  if (stripe.slots.size() > kSlotsMin && stripe.used * 8 < stripe.slots.size()) {
    resize(stripe, stripe.slots.size() / 2);
  }
}

std::size_t UserConnections::count_of(const UserId& user) {
  const std::uint64_t hash = hash_of(user);
  Stripe& stripe = stripe_of(hash);
  const std::lock_guard lock(stripe.mutex);
  return stripe.slots.empty() ? 0 : stripe.slots[find(stripe, user, hash)].count;
}

}  // namespace maru::gateway
