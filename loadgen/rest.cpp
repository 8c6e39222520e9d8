#include "loadgen/rest.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace loadgen {

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::perror("connect");
    std::exit(1);
  }
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

std::string string_field(std::string_view json, std::string_view name) {
  const std::string key = fmt::format("\"{}\":\"", name);
  const std::size_t at = json.find(key);
  if (at == std::string_view::npos) return {};
  const std::size_t start = at + key.size();
  return std::string(json.substr(start, json.find('"', start) - start));
}

Rest::Rest(std::uint16_t port) : socket_(connect_to(port)) {}

Rest::~Rest() {
  close(socket_);
}

std::string Rest::post(std::string_view path, std::string_view json, std::string_view token) {
  std::string request = fmt::format(
      "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n",
      path, json.size());
  if (!token.empty()) request += fmt::format("Authorization: Bearer {}\r\n", token);
  request += "\r\n";
  request += json;
  if (::send(socket_, request.data(), request.size(), 0) != static_cast<ssize_t>(request.size())) {
    std::exit(1);
  }
  std::string answer;
  char buffer[65536];
  for (;;) {
    const ssize_t got = read(socket_, buffer, sizeof buffer);
    if (got <= 0) std::exit(1);
    answer.append(buffer, static_cast<std::size_t>(got));
    const std::size_t head = answer.find("\r\n\r\n");
    if (head == std::string::npos) continue;
    const std::size_t field = answer.find("ontent-Length: ");
    const std::size_t size = std::stoul(answer.substr(field + 15));
    if (answer.size() >= head + 4 + size) {
      if (answer.compare(9, 1, "2") != 0) {
        std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(path.size()), path.data(),
                     answer.c_str());
        std::exit(1);
      }
      return answer.substr(head + 4);
    }
  }
}

}  // namespace loadgen
