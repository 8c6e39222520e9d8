// The listening descriptor of one I/O thread: takes new connections into an IoCore, within the caps
// of its FrontDoor (quality.md 1, row 22). Where neither taking one nor shedding one works, it
// looks again a little later, instead of keeping the loop awake. Owner thread only.
#pragma once

#include <memory>

#include "net/io_core.hpp"
#include "net/loop.hpp"
#include "net/timer_wheel.hpp"
#include "net/tls.hpp"

namespace maru::net {

class Acceptor final : public Loop::Target, private Timer {
 public:
  // Owns `descriptor`.
  Acceptor(IoCore& core, int descriptor, std::shared_ptr<Tls> tls);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  void set_tls(std::shared_ptr<Tls> tls) { tls_ = std::move(tls); }
  // Takes what had connected already, then closes.
  void close();

  void on_ready(std::uint32_t events) override;

 private:
  enum class Taken { kOne, kNone, kNoDescriptors, kFailed };

  Taken take_one();
  void take_connection(int descriptor, const Address& peer);
  void count_refusal();
  void watch();
  void pause();
  void on_timer() override { watch(); }

  IoCore& core_;
  int descriptor_;
  std::shared_ptr<Tls> tls_;
};

}  // namespace maru::net
