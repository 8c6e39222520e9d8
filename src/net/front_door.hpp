// What the listeners of a process share: the caps on connections, and a descriptor kept for the day
// when there are no others. Any thread.
#pragma once

#include <mutex>

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

  ConnectionLimits limits;
  ReserveDescriptor reserve;
};

}  // namespace maru::net
