#include "net/frame.hpp"

#include <algorithm>
#include <utility>

#include "net/frame_header.hpp"

namespace maru::net {

TextFrame TextFrame::join(std::string_view first, std::string_view second) {
  const std::size_t payload_size = first.size() + second.size();
  const std::size_t header_size = frame_header_size(payload_size);
  return from(SharedBytes::build(header_size + payload_size,
                                 [&](char* out) {
                                   write_frame_header(Opcode::kText, payload_size, out);
                                   out = std::ranges::copy(first, out + header_size).out;
                                   std::ranges::copy(second, out);
                                 }),
              header_size);
}

TextFrame TextFrame::from(SharedBytes bytes, std::size_t header_size) {
  TextFrame frame;
  frame.header_size_ = static_cast<std::uint8_t>(header_size);
  frame.bytes_ = std::move(bytes);
  return frame;
}

TextFrame TextFrame::of(SharedBytes bytes) {
  const std::size_t header_size = frame_header_size_of(bytes.view());
  return from(std::move(bytes), header_size);
}

}  // namespace maru::net
