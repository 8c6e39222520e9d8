// What the process may hold of one thing at once, and who holds how much of it. Any thread.
//
// Budget is one amount. SharedBudget is an amount that many holders share, each within a mark of
// its own; a Lease is a holder's part and gives itself back, on whatever thread it ends. Units are
// the owner's: bytes, events, lines.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace maru {

class Budget {
 public:
  explicit Budget(std::size_t max) : max_(max) {}
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  // False when it would pass the mark. Only the caller knows whether that is a refusal, to be
  // counted, or the start of a wait.
  [[nodiscard]] bool try_take(std::size_t amount);
  // For what is there already: takes past the mark too.
  void take(std::size_t amount) { used_.fetch_add(amount, std::memory_order_relaxed); }
  void give_back(std::size_t amount) { used_.fetch_sub(amount, std::memory_order_relaxed); }
  void count_refusal() { refused_.fetch_add(1, std::memory_order_relaxed); }

  [[nodiscard]] std::size_t max() const { return max_; }
  [[nodiscard]] std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  const std::size_t max_;
  std::atomic<std::size_t> used_{0};
  std::atomic<std::uint64_t> refused_{0};
};

class SharedBudget {
 public:
  // A user, or a network when nobody is known; a hash is good enough. kManyHolders speaks for many
  // (a proxy, loopback) and has no mark of its own.
  using Holder = std::uint64_t;
  static constexpr Holder kManyHolders = 0;

  // Move-only. The budget outlives it. An empty one holds nothing.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)),
          holder_(other.holder_),
          amount_(std::exchange(other.amount_, 0)) {}
    Lease& operator=(Lease&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(holder_, other.holder_);
      std::swap(amount_, other.amount_);
      return *this;
    }
    ~Lease() { resize(0); }

    [[nodiscard]] explicit operator bool() const { return budget_ != nullptr; }
    [[nodiscard]] std::size_t amount() const { return amount_; }
    [[nodiscard]] Holder holder() const { return holder_; }
    // To what it came to in truth. Growing may pass the mark: it is there already.
    void resize(std::size_t amount);

   private:
    friend class SharedBudget;
    Lease(SharedBudget& budget, Holder holder, std::size_t amount)
        : budget_(&budget), holder_(holder), amount_(amount) {}
    SharedBudget* budget_ = nullptr;
    Holder holder_ = kManyHolders;
    std::size_t amount_ = 0;
  };

  SharedBudget(std::size_t max, std::size_t per_holder_max)
      : total_(max), per_holder_max_(per_holder_max) {}
  SharedBudget(const SharedBudget&) = delete;
  SharedBudget& operator=(const SharedBudget&) = delete;

  // An empty lease when it would pass a mark: the total, the holder's own, or what would stay free
  // to all others. So n greedy holders have 1/(n + 1) of it each, and who comes next finds room; a
  // holder's first lease is held against the total alone.
  [[nodiscard]] Lease try_take(Holder holder, std::size_t amount);
  // For what is there already: takes past every mark.
  [[nodiscard]] Lease take(Holder holder, std::size_t amount);

  [[nodiscard]] Budget& total() { return total_; }
  [[nodiscard]] const Budget& total() const { return total_; }
  [[nodiscard]] std::size_t per_holder_max() const { return per_holder_max_; }
  [[nodiscard]] std::size_t used_by(Holder holder);

 private:
  struct alignas(64) Shard {
    std::mutex mutex;
    std::unordered_map<Holder, std::size_t> used;  // one that holds nothing is erased
  };
  static constexpr std::size_t kShards = 16;

  Shard& shard_of(Holder holder) { return shards_[(holder ^ holder >> 32) % kShards]; }
  [[nodiscard]] bool may_hold(std::size_t own, std::size_t amount) const;
  void grow(Holder holder, std::size_t amount);
  void shrink(Holder holder, std::size_t amount);

  Budget total_;
  const std::size_t per_holder_max_;
  std::array<Shard, kShards> shards_;
};

}  // namespace maru
