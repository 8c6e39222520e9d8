// The readiness loop: epoll (level-triggered) and an eventfd to wake it. Owner thread only, except
// wake().
#pragma once

#include <atomic>
#include <cstdint>

namespace maru::net {

class Loop {
 public:
  // What a descriptor is watched for. Must live until remove() and the end of the wait() in which
  // that happened.
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

  // Waits for at most timeout_ms (-1: for ever) and calls the targets that are ready. True if
  // somebody called wake() since the last time.
  bool wait(int timeout_ms);

  // Any thread. One system call for many wakes in one turn.
  void wake();

 private:
  int epoll_ = -1;
  int event_ = -1;
  std::atomic<bool> woken_{false};
};

}  // namespace maru::net
