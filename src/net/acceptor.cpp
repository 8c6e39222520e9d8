#include "net/acceptor.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/log.hpp"
#include "net/http_connection.hpp"

namespace maru::net {
namespace {

// Between two looks at the other connections.
constexpr int kAcceptsPerTurn = 64;

// For the store, logs and drivers.
constexpr std::size_t kDescriptorsReserved = 256;

int open_reserve() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

std::size_t default_connections_max(std::size_t threads) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 1'000'000;
  const auto descriptors = static_cast<std::size_t>(limit.rlim_cur);
  const std::size_t reserve = std::min(kDescriptorsReserved, descriptors / 4);
  return std::max<std::size_t>((descriptors - reserve) / std::max<std::size_t>(threads, 1), 1);
}

}  // namespace

Acceptor::Acceptor(IoCore& core, int descriptor, std::shared_ptr<Tls> tls)
    : core_(core),
      descriptor_(descriptor),
      reserve_(open_reserve()),
      connections_max_(core.options.connections_max != 0
                           ? core.options.connections_max
                           : default_connections_max(core.peers.size())),
      tls_(std::move(tls)) {
  if (!core_.loop.add(descriptor_, EPOLLIN, *this)) {
    log::error("listener_not_watched", {{"errno", errno}});
  }
}

Acceptor::~Acceptor() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (reserve_ >= 0) ::close(reserve_);
}

void Acceptor::close() {
  if (descriptor_ < 0) return;
  // Closing would reset those that have connected and wait.
  constexpr int kLastAccepts = 4096;
  for (int i = 0; i < kLastAccepts && take_one() == Taken::kOne; ++i) {
  }
  core_.loop.remove(descriptor_);
  ::close(descriptor_);
  descriptor_ = -1;
}

void Acceptor::on_ready(std::uint32_t) {
  for (int i = 0; i < kAcceptsPerTurn && descriptor_ >= 0; ++i) {
    const Taken taken = take_one();
    if (taken == Taken::kNone) return;
    if (taken == Taken::kNoDescriptors && !shed_one()) return;
  }
}

Acceptor::Taken Acceptor::take_one() {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const int descriptor = ::accept4(descriptor_, reinterpret_cast<sockaddr*>(&peer), &size,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor >= 0) {
    take_connection(descriptor, Address::from(peer));
    return Taken::kOne;
  }
  if (errno == EMFILE || errno == ENFILE) return Taken::kNoDescriptors;
  // The peer may have gone by now: that says nothing about the next one.
  return errno == ECONNABORTED || errno == EINTR || errno == EPROTO ? Taken::kOne : Taken::kNone;
}

void Acceptor::take_connection(int descriptor, const Address& peer) {
  Stream stream;
  stream.descriptor = descriptor;
  const bool room = core_.connection_count() < connections_max_ &&
                    core_.count_address(peer, stream.address_count);
  if (room && tls_) stream.tls = tls_->new_session(descriptor);
  if (!room || (tls_ && !stream.tls)) {
    core_.uncount_address(stream.address_count);
    core_.counters.connections_refused.fetch_add(1, std::memory_order_relaxed);
    ::close(descriptor);
    return;
  }
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  auto connection = std::make_unique<HttpConnection>(core_, stream, peer);
  if (!connection->watch(EPOLLIN)) {
    core_.uncount_address(stream.address_count);
    core_.counters.connections_refused.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  core_.counters.connections_accepted.fetch_add(1, std::memory_order_relaxed);
  core_.add(std::move(connection));
}

// No descriptors are left: with the reserve, one client is told so by an end of its stream, instead
// of waiting in the queue and keeping the loop awake.
bool Acceptor::shed_one() {
  if (reserve_ < 0) {
    reserve_ = open_reserve();
    return false;
  }
  ::close(reserve_);
  const int descriptor = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
  if (descriptor >= 0) {
    ::close(descriptor);
    core_.counters.connections_refused.fetch_add(1, std::memory_order_relaxed);
  }
  reserve_ = open_reserve();
  return descriptor >= 0;
}

}  // namespace maru::net
