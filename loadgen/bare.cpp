// The kernel's own price: a loop that reads a trigger and calls `send` for every member of the
// room.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "loadgen/client.hpp"
#include "loadgen/process.hpp"
#include "loadgen/rest.hpp"
#include "loadgen/scenarios.hpp"

namespace loadgen {
namespace {

// As long as the event that Maru delivers for the same text.
constexpr std::size_t kFrameBytes = 660;

void serve(int listener, int connections, int members) {
  std::vector<int> sockets;
  const int epoll = epoll_create1(0);
  for (int i = 0; i < connections; ++i) {
    const int socket = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = static_cast<std::uint64_t>(i);
    epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
    sockets.push_back(socket);
  }
  std::string frame = "\x81\x7e";
  frame += static_cast<char>((kFrameBytes - 4) >> 8);
  frame += static_cast<char>((kFrameBytes - 4) & 0xff);
  frame.append(kFrameBytes - 4, 'x');
  std::vector<epoll_event> events(1024);
  char buffer[65536];
  for (;;) {
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int e = 0; e < count; ++e) {
      const auto index = static_cast<int>(events[static_cast<std::size_t>(e)].data.u64);
      const ssize_t got = recv(sockets[static_cast<std::size_t>(index)], buffer, sizeof buffer, 0);
      if (got <= 0) return;
      const int first = index / members * members;
      for (ssize_t trigger = 0; trigger < got; ++trigger) {  // a byte each
        for (int m = first; m < first + members; ++m) {
          if (::send(sockets[static_cast<std::size_t>(m)], frame.data(), frame.size(),
                     MSG_NOSIGNAL) < 0) {
            return;
          }
        }
      }
    }
  }
}

}  // namespace

FanoutFigures run_bare(const FanoutShape& shape) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 4096) != 0) {
    std::perror("bare");
    std::exit(1);
  }
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
  const int connections = shape.rooms * shape.members;
  const pid_t server = fork_pinned([&] { serve(listener, connections, shape.members); });
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
    client.read_frames([&](std::string_view) { ++arrived; });
    deliveries += static_cast<std::size_t>(arrived);
    if (arrived > 0 && index % static_cast<std::size_t>(shape.members) == 0) {
      client.send_raw(std::string(static_cast<std::size_t>(arrived), 't'));
    }
  };
  const double warm_until = now_s() + 0.5;
  while (now_s() < warm_until) loop.turn(ready, 100);
  deliveries = 0;
  const double cpu = cpu_seconds(server);
  const double begun = now_s();
  while (now_s() < begun + shape.seconds) loop.turn(ready, 100);
  const double took = now_s() - begun;
  const double used = cpu_seconds(server) - cpu;
  kill_and_wait(server);
  const auto count = static_cast<double>(deliveries);
  return {count / took, used / count * 1e6, used / took};
}

}  // namespace loadgen
