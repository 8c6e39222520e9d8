// A small Socket.IO client over WebSocket for tests: blocking, one thread, everything as text.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace maru::gateway::testing {

class SioClient {
 public:
  static constexpr int kWaitMs = 5'000;

  // Opens the transport; `fields` are added to the request ("Cookie: …\r\n").
  explicit SioClient(std::uint16_t port, std::string_view fields = {});
  ~SioClient();
  SioClient(const SioClient&) = delete;
  SioClient& operator=(const SioClient&) = delete;
  SioClient(SioClient&& other) noexcept;

  // Empty unless the upgrade was refused: the status line then.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }

  // CONNECT with that auth object; the answer `40…` or `44…`. Events that come before it (missed
  // ones of a recovery) are kept in order with the others.
  std::string connect(std::string_view auth = "{}");
  // As connect, must succeed, and takes the `hello` that follows.
  std::string join_namespace(std::string_view auth = "{}");

  // Emits `[event,payload]` and waits for its ack: `[…]`. Events meanwhile are kept.
  std::string call(std::string_view event, std::string_view payload);
  int emit_with_ack(std::string_view event, std::string_view payload);  // the ack's id
  std::string wait_ack(int id, int wait_ms = kWaitMs);                  // empty: none came
  void emit(std::string_view event, std::string_view payload);
  void send_packet(std::string_view packet);  // text
  void send_binary(std::string_view bytes);

  // The next event `[name,payload,…]` of that name, skipping others; empty: none came in time.
  std::string wait_event(std::string_view name, int wait_ms = kWaitMs);
  // The next event of any name, in order.
  std::string next_event(int wait_ms = kWaitMs);
  // All events that have come within `quiet_ms` of silence.
  std::vector<std::string> drain_events(int quiet_ms = 200);
  // Whether the transport was closed by the server within that time.
  bool wait_closed(int wait_ms = kWaitMs);
  [[nodiscard]] bool got_disconnect_packet() const { return got_41_; }

  void abort();  // resets the connection: no close frame, no `41`

  // The last string argument of an event while a pid is known: the offset.
  std::string pid;
  std::string sid;
  std::string offset;

 private:
  bool read_some(int wait_ms);
  void handle_frames();
  void handle_packet(std::string packet);
  void write_frame(int opcode, std::string_view payload);

  int fd_ = -1;
  std::string refusal_;
  std::string input_;
  bool closed_ = false;
  bool got_41_ = false;
  int next_ack_ = 0;
  std::string connect_answer_;
  std::deque<std::string> events_;
  std::deque<std::pair<int, std::string>> acks_;
};

// One HTTP request on a connection of its own; the whole answer as text.
std::string http_request(std::uint16_t port, std::string_view method, std::string_view target,
                         std::string_view fields = {}, std::string_view body = {});

// Values of a key in JSON text, in order: numbers as they stand, strings without quotes.
std::vector<std::string> values_of(std::string_view json, std::string_view key);
std::string value_of(std::string_view json, std::string_view key);  // the first, or empty

}  // namespace maru::gateway::testing
