#include "base/budget.hpp"

#include <algorithm>
#include <cassert>

namespace maru {

bool Budget::try_take(std::size_t amount) {
  std::size_t used = used_.load(std::memory_order_relaxed);
  do {
    if (used > max_ || amount > max_ - used) return false;
  } while (!used_.compare_exchange_weak(used, used + amount, std::memory_order_relaxed));
  return true;
}

void SharedBudget::Lease::resize(std::size_t amount) {
  if (budget_ == nullptr) return;
  if (amount > amount_) {
    budget_->grow(holder_, amount - amount_);
  } else {
    budget_->shrink(holder_, amount_ - amount);
  }
  amount_ = amount;
}

// With `amount` taken from the total already.
bool SharedBudget::may_hold(std::size_t own, std::size_t amount) const {
  if (own == 0) return true;
  const std::size_t used = total_.used();
  const std::size_t free = used < total_.max() ? total_.max() - used : 0;
  return own + amount <= std::min(per_holder_max_, free);
}

SharedBudget::Lease SharedBudget::try_take(Holder holder, std::size_t amount) {
  if (holder == kManyHolders) {
    return total_.try_take(amount) ? Lease(*this, holder, amount) : Lease();
  }
  Shard& shard = shard_of(holder);
  const std::lock_guard lock(shard.mutex);
  // First what may find no memory.
  const auto found = shard.used.try_emplace(holder, 0).first;
  const bool is_taken = total_.try_take(amount);
  if (is_taken && may_hold(found->second, amount)) {
    found->second += amount;
    if (found->second == 0) shard.used.erase(found);
    return {*this, holder, amount};
  }
  if (is_taken) total_.give_back(amount);
  if (found->second == 0) shard.used.erase(found);
  return {};
}

SharedBudget::Lease SharedBudget::take(Holder holder, std::size_t amount) {
  grow(holder, amount);
  return {*this, holder, amount};
}

std::size_t SharedBudget::used_by(Holder holder) {
  Shard& shard = shard_of(holder);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.used.find(holder);
  return found == shard.used.end() ? 0 : found->second;
}

void SharedBudget::grow(Holder holder, std::size_t amount) {
  if (holder == kManyHolders) return total_.take(amount);
  Shard& shard = shard_of(holder);
  const std::lock_guard lock(shard.mutex);
  shard.used[holder] += amount;  // first what may find no memory
  total_.take(amount);
}

void SharedBudget::shrink(Holder holder, std::size_t amount) {
  total_.give_back(amount);
  if (holder == kManyHolders || amount == 0) return;
  Shard& shard = shard_of(holder);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.used.find(holder);
  assert(found != shard.used.end() && found->second >= amount);
  if (found == shard.used.end()) return;
  found->second -= amount;
  if (found->second == 0) shard.used.erase(found);
}

}  // namespace maru
