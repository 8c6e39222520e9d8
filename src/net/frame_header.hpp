// Writing server frames (RFC 6455, section 5.2): FIN set, not masked. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/shared_bytes.hpp"

namespace maru::net {

enum class Opcode : std::uint8_t {
  kContinuation = 0x0,
  kText = 0x1,
  kBinary = 0x2,
  kClose = 0x8,
  kPing = 0x9,
  kPong = 0xA,
};

constexpr std::size_t frame_header_size(std::size_t payload_size) {
  return payload_size < 126 ? 2 : payload_size < 65'536 ? 4 : 10;
}

// Of a whole frame that was written here.
inline std::size_t frame_header_size_of(std::string_view frame) {
  if (frame.size() < 2) return frame.size();
  const auto length = static_cast<unsigned char>(frame[1]);
  return length < 126 ? 2 : length == 126 ? 4 : 10;
}

// Writes frame_header_size(payload_size) bytes.
inline void write_frame_header(Opcode opcode, std::size_t payload_size, char* out) {
  *out++ = static_cast<char>(0x80 | static_cast<unsigned>(opcode));
  int length_bytes = 0;
  if (payload_size < 126) {
    *out++ = static_cast<char>(payload_size);
  } else if (payload_size < 65'536) {
    *out++ = 126;
    length_bytes = 2;
  } else {
    *out++ = 127;
    length_bytes = 8;
  }
  for (int shift = 8 * (length_bytes - 1); shift >= 0; shift -= 8) {
    *out++ = static_cast<char>(static_cast<std::uint64_t>(payload_size) >> shift);
  }
}

inline SharedBytes make_frame(Opcode opcode, std::string_view payload) {
  const std::size_t header_size = frame_header_size(payload.size());
  return SharedBytes::build(header_size + payload.size(), [&](char* out) {
    write_frame_header(opcode, payload.size(), out);
    if (!payload.empty()) std::memcpy(out + header_size, payload.data(), payload.size());
  });
}

}  // namespace maru::net
