#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "net/io_thread.hpp"
#include "net/peer_progress.hpp"

namespace maru::net {
namespace {

constexpr int kBacklog = 4096;

// Of an HTTP connection in the kernel, before it can send them; it may take one segment more (64
// KiB). Without a bound that is up to 4 MB of a client that does not read.
constexpr unsigned kUnsentBytesMax = 32 * 1024;

// A descriptor until it is taken.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int get() const { return descriptor_; }
  int take() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_ = -1;
};

struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;

  void set_port(std::uint16_t port) {
    if (address.ss_family == AF_INET6) {
      reinterpret_cast<sockaddr_in6&>(address).sin6_port = htons(port);
    } else {
      reinterpret_cast<sockaddr_in&>(address).sin_port = htons(port);
    }
  }
  [[nodiscard]] std::uint16_t port() const {
    return ntohs(address.ss_family == AF_INET6
                     ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                     : reinterpret_cast<const sockaddr_in&>(address).sin_port);
  }
};

std::string name_of(const std::string& host, std::uint16_t port) {
  if (host.empty()) return "port " + std::to_string(port) + " on all addresses";
  const bool six = host.find(':') != std::string::npos;
  return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::unexpected<Error> refuse(const std::string& host, std::uint16_t port, int error) {
  std::string detail = "cannot listen on " + name_of(host, port) + ": ";
  if (error == EADDRINUSE) {
    detail += "another process is using this port";
  } else if (error == EACCES) {
    detail += "this user may not use this port (below 1024 it takes a privilege)";
  } else if (error == EADDRNOTAVAIL) {
    detail += "this machine does not have that address";
  } else {
    detail += std::strerror(error);
  }
  return fail(ErrorCode::kUnavailable, std::move(detail));
}

// A bound socket, or errno.
std::expected<Socket, int> bind_one(const Endpoint& endpoint, bool all_addresses, bool share_port) {
  Socket socket(
      ::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return std::unexpected(errno);
  const int on = 1;
  const int off = 0;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (share_port && ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    return std::unexpected(errno);
  }
  if (endpoint.address.ss_family == AF_INET6 &&
      ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, all_addresses ? &off : &on,
                   sizeof on) != 0) {
    return std::unexpected(errno);
  }
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&endpoint.address), endpoint.size) !=
      0) {
    return std::unexpected(errno);
  }
  return socket;
}

// Finds a port that another process holds, even one that shares it, and the real port for 0. The
// kernel lets a second listener in only where both ask for SO_REUSEPORT, so this one does not ask.
std::expected<std::uint16_t, int> probe(const Endpoint& endpoint, bool all_addresses) {
  auto socket = bind_one(endpoint, all_addresses, false);
  if (!socket) return std::unexpected(socket.error());
  Endpoint bound;
  bound.size = sizeof bound.address;
  if (::getsockname(socket->get(), reinterpret_cast<sockaddr*>(&bound.address), &bound.size) != 0) {
    return std::unexpected(errno);
  }
  return bound.port();
}

std::expected<Listening, int> listen_at(Endpoint endpoint, bool all_addresses, unsigned threads) {
  const auto port = probe(endpoint, all_addresses);
  if (!port) return std::unexpected(port.error());
  endpoint.set_port(*port);
  std::vector<Socket> sockets;
  for (unsigned i = 0; i < threads; ++i) {
    auto socket = bind_one(endpoint, all_addresses, true);
    if (!socket) return std::unexpected(socket.error());
    bound_unsent_bytes(socket->get(), kUnsentBytesMax);
    if (::listen(socket->get(), kBacklog) != 0) return std::unexpected(errno);
    sockets.push_back(std::move(*socket));
  }
  Listening listening;
  listening.port = *port;
  for (Socket& socket : sockets) listening.descriptors.push_back(socket.take());
  return listening;
}

Endpoint any_address(int family, std::uint16_t port) {
  Endpoint endpoint;
  endpoint.address.ss_family = static_cast<sa_family_t>(family);
  endpoint.size = family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  endpoint.set_port(port);
  return endpoint;
}

}  // namespace

Result<Listening> listen_on(const std::string& host, std::uint16_t port, unsigned threads) {
  if (host.empty()) {
    auto listening = listen_at(any_address(AF_INET6, port), true, threads);
    if (listening) return std::move(*listening);
    const int error = listening.error();
    if (error != EAFNOSUPPORT && error != EADDRNOTAVAIL) return refuse(host, port, error);
    listening = listen_at(any_address(AF_INET, port), true, threads);
    if (listening) return std::move(*listening);
    return refuse(host, port, listening.error());
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (status != 0 || found == nullptr) {
    return fail(ErrorCode::kUnavailable,
                "cannot listen on " + name_of(host, port) + ": " + ::gai_strerror(status));
  }
  // A name with addresses of both kinds is mostly "localhost", and what clients of the original
  // program know it as is 127.0.0.1.
  const addrinfo* chosen = found;
  for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
    if (info->ai_family == AF_INET) {
      chosen = info;
      break;
    }
  }
  Endpoint endpoint;
  std::memcpy(&endpoint.address, chosen->ai_addr, chosen->ai_addrlen);
  endpoint.size = chosen->ai_addrlen;
  ::freeaddrinfo(found);
  endpoint.set_port(port);
  auto listening = listen_at(endpoint, false, threads);
  if (listening) return std::move(*listening);
  return refuse(host, port, listening.error());
}

}  // namespace maru::net
