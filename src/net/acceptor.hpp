// The listening descriptor of one I/O thread: takes new connections into an IoCore, within its caps
// and with a reserve descriptor for the day there are no others (quality.md 1, row 22). Owner
// thread only.
#pragma once

#include <memory>

#include "net/io_core.hpp"
#include "net/loop.hpp"
#include "net/timer_wheel.hpp"
#include "net/tls.hpp"

namespace maru::net {

class Acceptor final : public Loop::Target {
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
  enum class Taken { kOne, kNone, kNoDescriptors };

  Taken take_one();
  void take_connection(int descriptor, const Address& peer);
  bool shed_one();

  IoCore& core_;
  int descriptor_;
  int reserve_ = -1;
  std::size_t connections_max_;
  std::shared_ptr<Tls> tls_;
};

}  // namespace maru::net
