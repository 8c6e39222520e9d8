// What the listeners of a process share: the caps on connections, a descriptor kept for the day
// when there are no others, and what is said once. Any thread.
#pragma once

#include <atomic>
#include <mutex>

#include "net/address.hpp"
#include "net/connection_limits.hpp"

namespace maru::net {

// At the limit of descriptors one waiting client is told by an end of its stream, instead of being
// left in the queue.
class ReserveDescriptor {
 public:
  ReserveDescriptor();
  ~ReserveDescriptor();
  ReserveDescriptor(const ReserveDescriptor&) = delete;
  ReserveDescriptor& operator=(const ReserveDescriptor&) = delete;

  // Takes one connection from the listener's queue in its place and closes it. False where even
  // that failed: somebody else was faster.
  [[nodiscard]] bool shed_one(int listener);

 private:
  std::mutex mutex_;
  int descriptor_;
};

struct FrontDoor {
  FrontDoor(std::size_t connections_max, std::size_t per_address_max)
      : limits(connections_max, per_address_max) {}

  // One log line for the life of the process, however many requests and threads: a proxy that
  // nobody has called one makes all its users a single address for every limit.
  void warn_of_untrusted_proxy(const Address& peer);

  ConnectionLimits limits;
  ReserveDescriptor reserve;
  std::atomic<bool> has_warned{false};
};

}  // namespace maru::net
