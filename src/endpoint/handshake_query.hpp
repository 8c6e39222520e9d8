// What Engine.IO reads from a request's query (protocol.md 1.1). Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace maru::endpoint {

struct HandshakeQuery {
  enum class Transport : std::uint8_t { kUnknown, kPolling, kWebSocket };

  // A parameter that is given twice is as good as a wrong one (CVE-2023-31125).
  Transport transport = Transport::kUnknown;
  bool is_protocol_4 = false;
  bool has_sid = false;  // a sid that is not empty
  std::string sid;       // empty, though has_sid, if it was given twice
  bool base64 = false;   // b64=1: no binary frames, please
};

HandshakeQuery read_handshake_query(std::string_view query);

}  // namespace maru::endpoint
