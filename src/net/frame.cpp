#include "net/frame.hpp"

#include "net/frame_header.hpp"

namespace maru::net {

TextFrame TextFrame::make(std::string_view payload) {
  TextFrame frame;
  frame.header_size_ = static_cast<std::uint8_t>(frame_header_size(payload.size()));
  frame.bytes_ = make_frame(Opcode::kText, payload);
  return frame;
}

}  // namespace maru::net
