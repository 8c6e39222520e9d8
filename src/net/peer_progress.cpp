#include "net/peer_progress.hpp"

// The C library's own list of the fields of TCP_INFO ends before those that are needed here.
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace maru::net {

PeerProgress peer_progress(int descriptor) {
  PeerProgress progress;
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) == 0) {
    progress.acknowledged = info.tcpi_bytes_acked;
  }
  int unread = 0;
  if (::ioctl(descriptor, SIOCOUTQ, &unread) == 0 && unread > 0) {
    progress.unread = static_cast<std::size_t>(unread);
  }
  return progress;
}

void reset_at_close(int descriptor) {
  const linger none{1, 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

void bound_unsent_bytes(int descriptor, unsigned bytes) {
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

}  // namespace maru::net
