#include "loadgen/rest.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loadgen/die.hpp"

namespace loadgen {

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) die_of_errno("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    die_of_errno("connect");
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
  return std::string(ask(path, request).body);
}

std::string Rest::get(std::string_view path) {
  return std::string(
      ask(path, fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path)).body);
}

Rest::Answer Rest::get_with_head(std::string_view path, std::string_view token) {
  return ask(path, fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                               "Authorization: Bearer {}\r\n\r\n",
                               path, token));
}

Rest::Answer Rest::ask(std::string_view path, const std::string& request) {
  if (::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    die("{}: the request could not be sent", path);
  }
  answer_.clear();
  char buffer[65536];
  std::size_t whole = 0;  // once the head is here
  std::size_t head = 0;
  for (;;) {
    const ssize_t got = read(socket_, buffer, sizeof buffer);
    if (got <= 0) die("{}: closed before the answer", path);
    answer_.append(buffer, static_cast<std::size_t>(got));
    if (whole == 0) {
      head = answer_.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      const std::size_t field = answer_.find("ontent-Length: ");
      if (field > head) die("{}: an answer without Content-Length: {}", path, answer_);
      whole = head + 4 + std::stoul(answer_.substr(field + 15, 20));
    }
    if (answer_.size() < whole) continue;
    if (answer_.compare(9, 1, "2") != 0) die("{}: {}", path, answer_);
    const std::string_view all = answer_;
    return {all.substr(0, head), all.substr(head + 4)};
  }
}

}  // namespace loadgen
