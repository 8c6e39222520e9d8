// A Socket.IO 5 packet as it stands in an Engine.IO message (protocol.md 1.10, socket.io-protocol
// v5): <type>[<attachments>-][<namespace>,][<ack id>][JSON].
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace maru::socketio {

enum class PacketType : std::uint8_t {
  kConnect,
  kDisconnect,
  kEvent,
  kAck,
  kConnectError,
  kBinaryEvent,
  kBinaryAck,
};

inline constexpr std::string_view kMainNamespace = "/";

using AckId = std::uint64_t;

// Views the text that it was read from.
struct PacketHeader {
  PacketType type = PacketType::kEvent;
  std::size_t attachments = 0;  // of a binary packet: 1 to kBinaryAttachmentsMax
  std::string_view namespace_name = kMainNamespace;
  std::optional<AckId> ack;
  std::string_view payload;  // JSON, not looked at yet; empty if there is none

  [[nodiscard]] bool is_binary() const {
    return type == PacketType::kBinaryEvent || type == PacketType::kBinaryAck;
  }
};

}  // namespace maru::socketio
