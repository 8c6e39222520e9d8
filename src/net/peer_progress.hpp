// How far the peer of a TCP connection has come with what was written to it. The kernel takes bytes
// long before a peer does, so what a write took says nothing about a client that does not read.
#pragma once

#include <cstddef>
#include <cstdint>

namespace maru::net {

struct PeerProgress {
  std::uint64_t acknowledged = 0;  // bytes of the connection's whole life
  std::size_t unread = 0;          // bytes in the kernel that were not acknowledged yet
};
PeerProgress peer_progress(int descriptor);

// Makes the coming close() drop what the peer has not read, instead of letting the kernel offer it
// for minutes to somebody who does not want it.
void reset_at_close(int descriptor);

// Keeps the kernel from taking more than about this much before it can send it. A listener's is
// inherited by its connections. 0: the system's own rule, which is better for small frames to many.
void bound_unsent_bytes(int descriptor, unsigned bytes);

}  // namespace maru::net
