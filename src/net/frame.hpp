// A packet as ready bytes: a server WebSocket text frame (RFC 6455, section 5.2; server frames are
// not masked, so all recipients share it) whose payload is, without its header, the same packet for
// a polling body. Any thread; immutable.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/shared_bytes.hpp"

namespace maru::net {

class TextFrame {
 public:
  TextFrame() = default;

  // One allocation: header and payload.
  static TextFrame make(std::string_view payload) { return join(payload, {}); }
  // The payload in two parts.
  static TextFrame join(std::string_view first, std::string_view second);
  // A frame's own bytes again, of which header_size are its header.
  static TextFrame from(SharedBytes bytes, std::size_t header_size);
  // The same, its header's size as its second byte says it.
  static TextFrame of(SharedBytes bytes);

  [[nodiscard]] const SharedBytes& bytes() const { return bytes_; }
  [[nodiscard]] std::string_view payload() const { return bytes_.view().substr(header_size_); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

 private:
  SharedBytes bytes_;
  std::uint8_t header_size_ = 0;
};

}  // namespace maru::net
