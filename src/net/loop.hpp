// The readiness loop: epoll (level-triggered) and an eventfd to wake it. Owner thread only, except
// wake().
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace maru::net {

class Loop {
 public:
  // What a descriptor is watched for. Must live until remove() and the end of the dispatch() in
  // which that happened.
  class Target {
   public:
    virtual void on_ready(std::uint32_t events) = 0;  // EPOLLIN, EPOLLOUT, …

   protected:
    ~Target() = default;
  };

  Loop();  // throws std::system_error when there are no descriptors
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  [[nodiscard]] bool add(int descriptor, std::uint32_t events, Target& target);
  void change(int descriptor, std::uint32_t events, Target& target);
  void remove(int descriptor);

  // Waits for at most timeout_ms (-1: for ever). In between the caller looks at its clock.
  void wait(int timeout_ms);
  // Calls the targets that were ready then. True if somebody called wake() since the last time.
  bool dispatch();

  // Any thread. One system call for many wakes in one turn.
  void wake();

 private:
  static constexpr int kEventsPerTurn = 256;

  int epoll_ = -1;
  int event_ = -1;
  int ready_count_ = 0;
  std::array<epoll_event, kEventsPerTurn> ready_;
  std::atomic<bool> woken_{false};
};

}  // namespace maru::net
