// A plain blocking client for tests: what the server answers byte by byte, with deadlines so that a
// failing test ends.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace maru::net::test {

class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer_bytes = 0) {
    descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer_bytes > 0) {
      ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                   sizeof receive_buffer_bytes);
    }
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ =
        ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  Client(Client&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~Client() { close(); }

  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t size = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
  }

  // Until `end` is in what was received since the last call, which is returned up to and with it.
  // Without it: all there was until the end of the stream or the deadline.
  std::string read_until(std::string_view end, int timeout_ms = 5000) {
    while (true) {
      const std::size_t found = end.empty() ? std::string::npos : buffer_.find(end);
      if (found != std::string::npos) return take(found + end.size());
      if (!fill(timeout_ms)) return take(buffer_.size());
    }
  }
  std::string read_exactly(std::size_t size, int timeout_ms = 5000) {
    while (buffer_.size() < size && fill(timeout_ms)) {
    }
    return take(std::min(size, buffer_.size()));
  }
  // Head and body of one answer with Content-Length.
  std::string read_response(bool head_only = false) {
    std::string response = read_until("\r\n\r\n");
    const std::size_t field = response.find("Content-Length: ");
    if (head_only || field == std::string::npos) return response;
    return response + read_exactly(std::stoul(response.substr(field + 16)));
  }
  std::string read_to_end(int timeout_ms = 5000) { return read_until({}, timeout_ms); }
  // True if the stream ends (or is reset) within the time and nothing comes before.
  bool ends(int timeout_ms = 5000) {
    return buffer_.empty() && !fill(timeout_ms) && ended_ && buffer_.empty();
  }
  // True if nothing comes and the stream does not end for that long.
  bool stays_silent(int timeout_ms) { return buffer_.empty() && !fill(timeout_ms) && !ended_; }

  void shut_down_sending() { ::shutdown(descriptor_, SHUT_WR); }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  bool fill(int timeout_ms) {
    pollfd waiting{descriptor_, POLLIN, 0};
    if (::poll(&waiting, 1, timeout_ms) <= 0) return false;
    char bytes[16 * 1024];
    const ssize_t size = ::recv(descriptor_, bytes, sizeof bytes, 0);
    if (size <= 0) {
      ended_ = true;
      return false;
    }
    buffer_.append(bytes, static_cast<std::size_t>(size));
    return true;
  }
  std::string take(std::size_t size) {
    std::string taken = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return taken;
  }

  int descriptor_ = -1;
  bool connected_ = false;
  bool ended_ = false;
  std::string buffer_;
};

inline constexpr std::string_view kUpgradeFields =
    "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

inline std::string upgrade_request(std::string_view target, std::string_view more_fields = {}) {
  return "GET " + std::string(target) + " HTTP/1.1\r\n" + std::string(kUpgradeFields) +
         std::string(more_fields) + "\r\n";
}

// A masked client frame.
inline std::string client_frame(unsigned opcode, std::string_view payload, bool final = true) {
  std::string out;
  out.push_back(static_cast<char>((final ? 0x80 : 0) | opcode));
  const std::size_t size = payload.size();
  if (size < 126) {
    out.push_back(static_cast<char>(0x80 | size));
  } else {
    const int length_bytes = size < 65'536 ? 2 : 8;
    out.push_back(static_cast<char>(length_bytes == 2 ? 0xFE : 0xFF));
    for (int i = length_bytes - 1; i >= 0; --i) {
      out.push_back(static_cast<char>(static_cast<std::uint64_t>(size) >> (8 * i)));
    }
  }
  const unsigned char mask[4] = {1, 2, 3, 4};
  for (const unsigned char byte : mask) out.push_back(static_cast<char>(byte));
  for (std::size_t i = 0; i < size; ++i) {
    out.push_back(static_cast<char>(payload[i] ^ mask[i & 3]));
  }
  return out;
}

// A short server frame.
inline std::string server_frame(unsigned opcode, std::string_view payload) {
  std::string out = {static_cast<char>(0x80 | opcode), static_cast<char>(payload.size())};
  return out.append(payload);
}

}  // namespace maru::net::test
