// Values seen lately, in two generations: at least the last `generation_max` different ones are
// known, at most twice as many. One thread.
#pragma once

#include <cstddef>
#include <unordered_set>

namespace maru::chat {

template <class T>
class RecentSet {
 public:
  explicit RecentSet(std::size_t generation_max) : generation_max_(generation_max) {}

  void add(const T& value) {
    if (newer_.contains(value)) return;
    if (newer_.size() >= generation_max_) {
      older_.swap(newer_);
      newer_.clear();
    }
    newer_.insert(value);
  }

  [[nodiscard]] bool contains(const T& value) const {
    return newer_.contains(value) || older_.contains(value);
  }

 private:
  const std::size_t generation_max_;
  std::unordered_set<T> newer_;
  std::unordered_set<T> older_;
};

}  // namespace maru::chat
