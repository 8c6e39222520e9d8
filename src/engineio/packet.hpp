// Engine.IO 4 packets as text, and the payload that joins them in an HTTP body (protocol.md 1.2,
// engine.io-protocol v4). No I/O, no state that outlives a call. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace maru::engineio {

enum class PacketType : std::uint8_t { kOpen, kClose, kPing, kPong, kMessage, kUpgrade, kNoop };

inline constexpr char kSeparator = '\x1e';
// More packets in one answer end the stock client of Python (python-engineio, max_decode_packets).
inline constexpr std::size_t kPacketsPerPayloadMax = 16;

// The whole of a packet that has no data.
inline constexpr std::string_view kClosePacket = "1";
inline constexpr std::string_view kPingPacket = "2";
inline constexpr std::string_view kProbePongPacket = "3probe";
inline constexpr std::string_view kNoopPacket = "6";

struct Packet {
  PacketType type = PacketType::kNoop;
  bool binary = false;    // a message of bytes; `data` is then decoded
  std::string_view data;  // what follows the type
};

// Reads one packet: a text frame, or a part of a payload. Nothing for an empty text, an unknown
// type, or bad base64. A binary message ("b" and base64) is decoded into `scratch`, which `data`
// views then; otherwise `data` views `text`.
[[nodiscard]] std::optional<Packet> decode_packet(std::string_view text, std::string& scratch);

// Walks over a payload. It stops at the first packet that is none; those before it stand. An empty
// payload, an empty packet and a trailing separator are faulty.
class PayloadReader {
 public:
  enum class Step : std::uint8_t { kPacket, kEnd, kFaulty };

  // `payload` and `scratch` must outlive the reader; `scratch` holds the last binary message.
  PayloadReader(std::string_view payload, std::string& scratch, std::size_t offset = 0)
      : payload_(payload), scratch_(scratch), offset_(offset) {}

  Step next(Packet& packet);
  // Where to go on with another reader; past the payload's size once all was read.
  [[nodiscard]] std::size_t offset() const { return offset_; }

 private:
  std::string_view payload_;
  std::string& scratch_;
  std::size_t offset_;
};

// The size of the longest packet in a payload, as it came.
[[nodiscard]] std::size_t longest_packet(std::string_view payload);

struct Handshake {
  std::string_view sid;
  bool can_upgrade = false;
  std::int64_t ping_interval_ms = 0;
  std::int64_t ping_timeout_ms = 0;
  std::size_t max_payload = 0;
};
// The open packet, with exactly the five keys that clients know.
[[nodiscard]] std::string encode_open(const Handshake& handshake);

}  // namespace maru::engineio
