#include "gateway/events/testing/sio_client.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace maru::gateway::testing {
namespace {

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int open_connection(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::abort();
  return fd;
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

SioClient::SioClient(std::uint16_t port, std::string_view fields) {
  fd_ = open_connection(port);
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::string request =
      "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:" +
      std::to_string(port) +
      "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  write_all(fd_, request.append(fields).append("\r\n"));
  const std::int64_t end = now_ms() + kWaitMs;
  std::size_t head_end;
  while ((head_end = input_.find("\r\n\r\n")) == std::string::npos) {
    if (now_ms() > end) std::abort();
    char buffer[4096];
    const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    input_.append(buffer, static_cast<std::size_t>(n));
  }
  if (!input_.starts_with("HTTP/1.1 101")) {
    refusal_ = input_.substr(0, input_.find("\r\n"));
    closed_ = true;
    return;
  }
  input_.erase(0, head_end + 4);
}

SioClient::~SioClient() {
  if (fd_ >= 0) ::close(fd_);
}

SioClient::SioClient(SioClient&& other) noexcept
    : pid(std::move(other.pid)),
      sid(std::move(other.sid)),
      offset(std::move(other.offset)),
      fd_(std::exchange(other.fd_, -1)),
      refusal_(std::move(other.refusal_)),
      input_(std::move(other.input_)),
      closed_(other.closed_),
      got_41_(other.got_41_),
      next_ack_(other.next_ack_),
      connect_answer_(std::move(other.connect_answer_)),
      events_(std::move(other.events_)),
      acks_(std::move(other.acks_)) {}

void SioClient::write_frame(int opcode, std::string_view payload) {
  std::string frame;
  frame += static_cast<char>(0x80 | opcode);
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80 | payload.size());
  } else {
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size() & 0xff);
  }
  frame.append(4, '\0');  // a mask of zeros
  write_all(fd_, frame.append(payload));
}

void SioClient::send_packet(std::string_view packet) {
  write_frame(1, packet);
}
void SioClient::send_binary(std::string_view bytes) {
  write_frame(2, bytes);
}

bool SioClient::read_some(int wait_ms) {
  if (closed_) return false;
  pollfd poll_for{fd_, POLLIN, 0};
  if (::poll(&poll_for, 1, wait_ms) <= 0) return false;
  char buffer[65536];
  const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
  if (n <= 0) {
    closed_ = true;
    return false;
  }
  input_.append(buffer, static_cast<std::size_t>(n));
  handle_frames();
  return true;
}

void SioClient::handle_frames() {
  for (;;) {
    if (input_.size() < 2) return;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(input_[i]); };
    std::size_t head = 2;
    std::uint64_t size = byte(1) & 0x7f;
    if (size >= 126) {
      const std::size_t length_bytes = size == 126 ? 2 : 8;
      head += length_bytes;
      if (input_.size() < head) return;
      size = 0;
      for (std::size_t i = 0; i < length_bytes; ++i) size = size << 8 | byte(2 + i);
    }
    if (input_.size() < head + size) return;
    const int opcode = byte(0) & 0x0f;
    std::string payload = input_.substr(head, size);
    input_.erase(0, head + size);
    if (opcode == 8) closed_ = true;
    if (opcode == 1) handle_packet(std::move(payload));
  }
}

void SioClient::handle_packet(std::string packet) {
  if (packet == "2") return send_packet("3");
  if (packet.starts_with("40") || packet.starts_with("44")) {
    connect_answer_ = packet;
    if (packet.starts_with("40")) {
      sid = value_of(packet, "sid");
      pid = value_of(packet, "pid");
    }
  } else if (packet.starts_with("41")) {
    got_41_ = true;
  } else if (packet.starts_with("42[")) {
    // `…,"<offset>"]` at the end: no payload of ours is a bare string.
    if (packet.size() > 3 && packet[packet.size() - 2] == '"') {
      const std::size_t quote = packet.rfind('"', packet.size() - 3);
      if (packet[quote - 1] == ',') {
        offset = packet.substr(quote + 1, packet.size() - quote - 3);
      }
    }
    events_.push_back(packet.substr(2));
  } else if (packet.starts_with("43")) {
    const std::size_t bracket = packet.find('[');
    acks_.emplace_back(std::stoi(packet.substr(2, bracket - 2)), packet.substr(bracket));
  }
}

std::string SioClient::connect(std::string_view auth) {
  connect_answer_.clear();
  send_packet("40" + std::string(auth));
  const std::int64_t end = now_ms() + kWaitMs;
  while (connect_answer_.empty() && !closed_ && now_ms() < end) read_some(100);
  return connect_answer_;
}

std::string SioClient::join_namespace(std::string_view auth) {
  if (!connect(auth).starts_with("40")) return {};
  return wait_event("hello");
}

void SioClient::emit(std::string_view event, std::string_view payload) {
  send_packet("42[\"" + std::string(event) + "\"," + std::string(payload) + "]");
}

int SioClient::emit_with_ack(std::string_view event, std::string_view payload) {
  const int id = next_ack_++;
  send_packet("42" + std::to_string(id) + "[\"" + std::string(event) + "\"" +
              (payload.empty() ? "" : ",") + std::string(payload) + "]");
  return id;
}

std::string SioClient::wait_ack(int id, int wait_ms) {
  const std::int64_t end = now_ms() + wait_ms;
  for (;;) {
    for (auto ack = acks_.begin(); ack != acks_.end(); ++ack) {
      if (ack->first != id) continue;
      std::string answer = std::move(ack->second);
      acks_.erase(ack);
      return answer;
    }
    const std::int64_t left = end - now_ms();
    if (left <= 0 || closed_) return {};
    read_some(static_cast<int>(left));
  }
}

std::string SioClient::call(std::string_view event, std::string_view payload) {
  return wait_ack(emit_with_ack(event, payload));
}

std::string SioClient::next_event(int wait_ms) {
  const std::int64_t end = now_ms() + wait_ms;
  while (events_.empty()) {
    const std::int64_t left = end - now_ms();
    if (left <= 0 || closed_) return {};
    read_some(static_cast<int>(left));
  }
  std::string event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::string SioClient::wait_event(std::string_view name, int wait_ms) {
  const std::int64_t end = now_ms() + wait_ms;
  const std::string start = "[\"" + std::string(name) + "\"";
  for (;;) {
    const std::int64_t left = end - now_ms();
    std::string event = next_event(left > 0 ? static_cast<int>(left) : 0);
    if (event.empty() || event.starts_with(start)) return event;
  }
}

std::vector<std::string> SioClient::drain_events(int quiet_ms) {
  while (read_some(quiet_ms)) {
  }
  std::vector<std::string> events(std::make_move_iterator(events_.begin()),
                                  std::make_move_iterator(events_.end()));
  events_.clear();
  return events;
}

bool SioClient::wait_closed(int wait_ms) {
  const std::int64_t end = now_ms() + wait_ms;
  while (!closed_ && now_ms() < end) read_some(50);
  return closed_;
}

void SioClient::abort() {
  const linger reset{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  ::close(std::exchange(fd_, -1));
  closed_ = true;
}

std::string http_request(std::uint16_t port, std::string_view method, std::string_view target,
                         std::string_view fields, std::string_view body) {
  const int fd = open_connection(port);
  std::string request(method);
  request.append(" ").append(target).append(" HTTP/1.1\r\nHost: 127.0.0.1:");
  request += std::to_string(port) + "\r\nConnection: close\r\n";
  if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  write_all(fd, request.append(fields).append("\r\n").append(body));
  std::string answer;
  char buffer[4096];
  for (ssize_t n; (n = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) {
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  return answer;
}

std::vector<std::string> values_of(std::string_view json, std::string_view key) {
  std::vector<std::string> values;
  const std::string pattern = "\"" + std::string(key) + "\":";
  for (std::size_t at = json.find(pattern); at != std::string_view::npos;
       at = json.find(pattern, at)) {
    at += pattern.size();
    if (json[at] == '"') {
      values.emplace_back(json.substr(at + 1, json.find('"', at + 1) - at - 1));
    } else {
      values.emplace_back(json.substr(at, json.find_first_of(",}]", at) - at));
    }
  }
  return values;
}

std::string value_of(std::string_view json, std::string_view key) {
  const auto values = values_of(json, key);
  return values.empty() ? std::string() : values.front();
}

}  // namespace maru::gateway::testing
