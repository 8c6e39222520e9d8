// The kernel's own price: a loop that reads a trigger and calls `send` for every member of the
// room.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "loadgen/client.hpp"
#include "loadgen/die.hpp"
#include "loadgen/process.hpp"
#include "loadgen/rest.hpp"
#include "loadgen/scenarios.hpp"

namespace loadgen {
namespace {

// A text frame of that size, RFC 6455 section 5.2.
std::string make_frame(std::size_t bytes) {
  const std::size_t payload = bytes - 4;
  if (payload < 126 || payload > 0xffff) die("a bare frame of {} bytes", bytes);
  std::string frame = "\x81\x7e";
  frame += static_cast<char>(payload >> 8);
  frame += static_cast<char>(payload & 0xff);
  frame.append(payload, 'x');
  return frame;
}

void serve(int listener, int connections, int members, const std::string& frame) {
  std::vector<int> sockets;
  const int epoll = epoll_create1(0);
  for (int i = 0; i < connections; ++i) {
    const int socket = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
    if (socket < 0) die_of_errno("bare: accept");
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = static_cast<std::uint64_t>(i);
    epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
    sockets.push_back(socket);
  }
  std::vector<epoll_event> events(1024);
  char buffer[65536];
  for (;;) {
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int e = 0; e < count; ++e) {
      const auto index = static_cast<int>(events[static_cast<std::size_t>(e)].data.u64);
      const ssize_t got = recv(sockets[static_cast<std::size_t>(index)], buffer, sizeof buffer, 0);
      if (got < 0 && errno == EAGAIN) continue;
      if (got <= 0) die("bare: a client is gone");
      const int first = index / members * members;
      for (ssize_t trigger = 0; trigger < got; ++trigger) {  // a byte each
        for (int m = first; m < first + members; ++m) {
          if (::send(sockets[static_cast<std::size_t>(m)], frame.data(), frame.size(),
                     MSG_NOSIGNAL) != static_cast<ssize_t>(frame.size())) {
            die_of_errno("bare: a whole frame could not be sent");
          }
        }
      }
    }
  }
}

}  // namespace

FanoutFigures run_bare(const FanoutShape& shape, std::size_t frame_bytes) {
  const std::string frame = make_frame(frame_bytes);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 4096) != 0) {
    die_of_errno("bare: listen");
  }
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
  const int connections = shape.rooms * shape.members;
  const pid_t server = fork_pinned([&] { serve(listener, connections, shape.members, frame); });
  close(listener);
  pin_to_core(kLoadCore);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < connections; ++i) {
    clients.push_back(std::make_unique<Client>(connect_to(ntohs(address.sin_port))));
  }
  ClientLoop loop(clients);
  const std::string triggers(static_cast<std::size_t>(shape.window), 't');
  for (int r = 0; r < shape.rooms; ++r) {
    clients[static_cast<std::size_t>(r * shape.members)]->send_raw(triggers);
  }
  std::size_t deliveries = 0;
  const auto ready = [&](Client& client, std::size_t index) {
    int arrived = 0;
    if (!client.read_frames([&](std::string_view) { ++arrived; })) {
      die("the bare server closed a connection");
    }
    deliveries += static_cast<std::size_t>(arrived);
    if (arrived > 0 && index % static_cast<std::size_t>(shape.members) == 0) {
      client.send_raw(std::string(static_cast<std::size_t>(arrived), 't'));
    }
  };
  const double warm_until = now_s() + shape.warm_up_s;
  while (now_s() < warm_until) loop.turn(ready, 100);
  deliveries = 0;
  const double cpu = cpu_seconds(server);
  const double begun = now_s();
  while (now_s() < begun + shape.seconds) loop.turn(ready, 100);
  const double took = now_s() - begun;
  const double used = cpu_seconds(server) - cpu;
  kill_and_wait(server);
  const auto count = static_cast<double>(deliveries);
  return {count / took, used / count * 1e6, used / took, frame_bytes};
}

}  // namespace loadgen
