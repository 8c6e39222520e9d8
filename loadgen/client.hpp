// A Socket.IO client over WebSocket that does nothing it need not do: it connects, authenticates,
// joins, sends prepared frames and counts what arrives. One epoll loop for all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace loadgen {

// A masked client text frame (RFC 6455, 5.2), mask zero.
std::string client_frame(std::string_view text);

class Client {
 public:
  explicit Client(int socket) : socket_(socket) {}
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] int socket() const { return socket_; }
  void send_raw(std::string_view bytes) const;
  void send_text(std::string_view text) const { send_raw(client_frame(text)); }

  // Reads what is there and calls visit(text) for each whole frame. False: the server closed.
  bool read_frames(const std::function<void(std::string_view)>& visit);

 private:
  int socket_;
  std::string rest_;  // an incomplete frame
};

// Connects, upgrades, authenticates and, if `chat` is not empty, joins it; blocks until done.
std::unique_ptr<Client> connect_client(std::uint16_t port, const std::string& token,
                                       const std::string& chat);

// Calls `ready(client, index)` for each client that has something to read.
class ClientLoop {
 public:
  explicit ClientLoop(const std::vector<std::unique_ptr<Client>>& clients);
  ~ClientLoop();
  // Returns false on a time-out.
  bool turn(const std::function<void(Client&, std::size_t)>& ready, int timeout_ms);

 private:
  const std::vector<std::unique_ptr<Client>>& clients_;
  int epoll_;
};

}  // namespace loadgen
