#include "net/front_door.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.hpp"

namespace maru::net {
namespace {

int open_reserve() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace

ReserveDescriptor::ReserveDescriptor() : descriptor_(open_reserve()) {}

ReserveDescriptor::~ReserveDescriptor() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool ReserveDescriptor::shed_one(int listener) {
  const std::lock_guard lock(mutex_);
  if (descriptor_ < 0) descriptor_ = open_reserve();
  if (descriptor_ < 0) return false;
  ::close(descriptor_);
  const int taken = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (taken >= 0) ::close(taken);
  descriptor_ = open_reserve();
  return taken >= 0;
}

void FrontDoor::warn_of_untrusted_proxy(const Address& peer) {
  if (has_warned.load(std::memory_order_relaxed) || has_warned.exchange(true)) return;
  const std::string address = peer.to_text();
  log::warn("forwarded_for_ignored",
            {{"peer", address},
             {"meaning",
              "X-Forwarded-For of a peer that is not trusted is not believed: all that comes "
              "through it counts as one address; if it is your proxy, set --trusted-proxies " +
                  address}});
}

}  // namespace maru::net
