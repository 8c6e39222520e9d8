#include "net/loop.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace maru::net {

Loop::Loop() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  event_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  if (epoll_ < 0 || event_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &event) != 0) {
    const int error = errno;
    if (epoll_ >= 0) ::close(epoll_);
    if (event_ >= 0) ::close(event_);
    throw std::system_error(error, std::generic_category(), "cannot make a readiness loop");
  }
}

Loop::~Loop() {
  ::close(event_);
  ::close(epoll_);
}

bool Loop::add(int descriptor, std::uint32_t events, Target& target) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &target;
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

void Loop::change(int descriptor, std::uint32_t events, Target& target) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &target;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, descriptor, &event);
}

void Loop::remove(int descriptor) {
  epoll_event event{};
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, &event);
}

void Loop::wait(int timeout_ms) {
  ready_count_ = ::epoll_wait(epoll_, ready_.data(), kEventsPerTurn, timeout_ms);
}

bool Loop::dispatch() {
  bool woken = false;
  for (int i = 0; i < ready_count_; ++i) {
    if (ready_[i].data.ptr == nullptr) {
      std::uint64_t ignored;
      [[maybe_unused]] const auto size = ::read(event_, &ignored, sizeof ignored);
      // Before the caller looks at its mailbox: a wake() from here on makes another turn.
      woken_.store(false, std::memory_order_seq_cst);
      woken = true;
    } else {
      static_cast<Target*>(ready_[i].data.ptr)->on_ready(ready_[i].events);
    }
  }
  return woken;
}

void Loop::wake() {
  if (woken_.exchange(true, std::memory_order_seq_cst)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto size = ::write(event_, &one, sizeof one);
}

}  // namespace maru::net
