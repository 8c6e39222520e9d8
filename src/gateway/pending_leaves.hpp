// Whether a leave of that user from that chat may be waiting for its grace on any thread. A join of
// someone who is a member already writes nothing and need not bother the sequencer, unless a leave
// is on its way: then it must be decided there, so that it takes the leave back.
//
// One a process; any thread, lock-free. It counts by a hash: where it says yes without need, a join
// takes the longer way. A leave is counted before it is asked for, and until it is over.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/id.hpp"

namespace maru::gateway {

class PendingLeaves {
 public:
  // Counts one leave as long as it lives. It must not outlive its PendingLeaves.
  class Mark {
   public:
    Mark() = default;
    Mark(Mark&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
    Mark& operator=(Mark&& other) noexcept {
      std::swap(count_, other.count_);
      return *this;
    }
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;
    ~Mark() {
      if (count_ != nullptr) count_->fetch_sub(1);
    }

   private:
    friend class PendingLeaves;
    explicit Mark(std::atomic<std::uint32_t>& count) : count_(&count) { count.fetch_add(1); }
    std::atomic<std::uint32_t>* count_ = nullptr;
  };

  [[nodiscard]] Mark mark(const UserId& user, const ChatId& chat) {
    return Mark(counts_[slot_of(user, chat)]);
  }
  [[nodiscard]] bool may_have(const UserId& user, const ChatId& chat) const {
    return counts_[slot_of(user, chat)].load() != 0;
  }

 private:
  static constexpr std::size_t kSlots = 4096;
  static std::size_t slot_of(const UserId& user, const ChatId& chat) {
    const std::uint64_t mixed =
        (std::hash<UserId>()(user) * 31 + std::hash<ChatId>()(chat)) * 0x9E37'79B9'7F4A'7C15ULL;
    return static_cast<std::size_t>(mixed >> 52);
  }

  std::array<std::atomic<std::uint32_t>, kSlots> counts_{};
};

}  // namespace maru::gateway
