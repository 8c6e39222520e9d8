// A command log that takes lastSeenAt, and nothing else. Tests only; any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

#include "chat/ports/command_log.hpp"

namespace maru::fanout::testing {

class Touches final : public chat::CommandLog {
 public:
  bool submit(chat::Command&& command) override {
    if (!accepts) {
      ++refused;
      return false;
    }
    const std::lock_guard lock(mutex_);
    const auto& touch = std::get<chat::TouchActivity>(command.body);
    touched_.insert(touched_.end(), touch.users.begin(), touch.users.end());
    largest_ = std::max(largest_, touch.users.size());
    return true;
  }
  std::vector<std::pair<UserId, WallTime>> touched() const {
    const std::lock_guard lock(mutex_);
    return touched_;
  }
  // Users of one command.
  std::size_t largest() const {
    const std::lock_guard lock(mutex_);
    return largest_;
  }

  std::atomic<bool> accepts{true};
  std::atomic<int> refused{0};

 private:
  mutable std::mutex mutex_;
  std::vector<std::pair<UserId, WallTime>> touched_;
  std::size_t largest_ = 0;
};

}  // namespace maru::fanout::testing
