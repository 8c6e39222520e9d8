#include "loadgen/client.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "loadgen/die.hpp"
#include "loadgen/rest.hpp"

namespace loadgen {

std::string client_frame(std::string_view text) {
  std::string frame = "\x81";
  if (text.size() < 126) {
    frame += static_cast<char>(0x80 | text.size());
  } else {
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(text.size() >> 8);
    frame += static_cast<char>(text.size() & 0xff);
  }
  frame.append(4, '\0');
  frame += text;
  return frame;
}

Client::~Client() {
  close(socket_);
}

void Client::send_raw(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) die_of_errno("send");
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool Client::read_frames(const std::function<void(std::string_view)>& visit) {
  static thread_local std::string buffer(256 * 1024, '\0');
  const ssize_t got = recv(socket_, buffer.data(), buffer.size(), 0);
  if (got == 0) return false;
  if (got < 0) return errno == EAGAIN;
  std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
  if (!rest_.empty()) {
    rest_ += bytes;
    bytes = rest_;
  }
  for (;;) {
    if (bytes.size() < 2) break;
    std::size_t size = static_cast<unsigned char>(bytes[1]) & 0x7f;
    std::size_t head = 2;
    if (size == 126) {
      if (bytes.size() < 4) break;
      size = static_cast<std::size_t>(static_cast<unsigned char>(bytes[2])) << 8 |
             static_cast<unsigned char>(bytes[3]);
      head = 4;
    } else if (size == 127) {
      die("a frame larger than 64 KiB");
    }
    if (bytes.size() < head + size) break;
    visit(bytes.substr(head, size));
    bytes.remove_prefix(head + size);
  }
  std::string left(bytes);
  rest_.swap(left);
  return true;
}

namespace {

// Blocks until a frame begins with `prefix`.
void expect(Client& client, std::string_view prefix) {
  bool found = false;
  while (!found) {
    const bool open = client.read_frames([&](std::string_view text) {
      if (text == "2") client.send_text("3");
      if (text.starts_with("44")) {
        die("refused: {}", text);
      }
      found = found || text.starts_with(prefix);
    });
    if (!open) die("closed while waiting for {}", prefix);
  }
}

void read_upgrade(int socket) {
  // Byte by byte to the end of the head, so that no frame is swallowed.
  std::string head;
  char c;
  while (!head.ends_with("\r\n\r\n")) {
    if (recv(socket, &c, 1, 0) != 1) die("closed during the upgrade");
    head += c;
  }
  if (!head.starts_with("HTTP/1.1 101")) {
    die("no upgrade: {}", head);
  }
}

}  // namespace

std::unique_ptr<Client> connect_client(std::uint16_t port, const std::string& token,
                                       const std::string& chat) {
  auto client = std::make_unique<Client>(connect_to(port));
  client->send_raw(
      "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\n"
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  read_upgrade(client->socket());
  expect(*client, "0{");
  client->send_text(fmt::format(R"(40{{"token":"{}"}})", token));
  expect(*client, "40{");
  if (!chat.empty()) {
    client->send_text(fmt::format(R"(421["joinRoom",{{"chatId":"{}"}}])", chat));
    expect(*client, "431[");
  }
  fcntl(client->socket(), F_SETFL, fcntl(client->socket(), F_GETFL) | O_NONBLOCK);
  return client;
}

ClientLoop::ClientLoop(const std::vector<std::unique_ptr<Client>>& clients)
    : clients_(clients), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  for (std::size_t i = 0; i < clients.size(); ++i) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, clients[i]->socket(), &event) != 0) {
      die_of_errno("epoll_ctl");
    }
  }
}

ClientLoop::~ClientLoop() {
  close(epoll_);
}

bool ClientLoop::turn(const std::function<void(Client&, std::size_t)>& ready, int timeout_ms) {
  static thread_local std::vector<epoll_event> events(1024);
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms);
  for (int i = 0; i < count; ++i) {
    const std::size_t index = events[static_cast<std::size_t>(i)].data.u64;
    ready(*clients_[index], index);
  }
  return count > 0;
}

}  // namespace loadgen
