#include "engineio/packet.hpp"

#include <algorithm>

#include "engineio/base64.hpp"

namespace maru::engineio {

std::optional<Packet> decode_packet(std::string_view text, std::string& scratch) {
  if (text.empty()) return std::nullopt;
  const char first = text.front();
  text.remove_prefix(1);
  if (first == 'b') {
    scratch.clear();
    if (!append_decoded_base64(scratch, text)) return std::nullopt;
    return Packet{PacketType::kMessage, true, scratch};
  }
  if (first < '0' || first > '6') return std::nullopt;
  return Packet{static_cast<PacketType>(first - '0'), false, text};
}

PayloadReader::Step PayloadReader::next(Packet& packet) {
  if (offset_ > payload_.size()) return Step::kEnd;
  const std::size_t separator = payload_.find(kSeparator, offset_);
  const std::size_t end = separator == std::string_view::npos ? payload_.size() : separator;
  const auto decoded = decode_packet(payload_.substr(offset_, end - offset_), scratch_);
  offset_ = end + 1;
  if (!decoded) return Step::kFaulty;
  packet = *decoded;
  return Step::kPacket;
}

std::size_t longest_packet(std::string_view payload) {
  std::size_t longest = 0;
  for (std::size_t begin = 0; begin <= payload.size();) {
    const std::size_t end = std::min(payload.find(kSeparator, begin), payload.size());
    longest = std::max(longest, end - begin);
    begin = end + 1;
  }
  return longest;
}

std::string encode_open(const Handshake& handshake) {
  std::string out;
  out.reserve(128);
  out += R"(0{"sid":")";
  out += handshake.sid;
  out += handshake.can_upgrade ? R"(","upgrades":["websocket"],"pingInterval":)"
                               : R"(","upgrades":[],"pingInterval":)";
  out += std::to_string(handshake.ping_interval_ms);
  out += R"(,"pingTimeout":)";
  out += std::to_string(handshake.ping_timeout_ms);
  out += R"(,"maxPayload":)";
  out += std::to_string(handshake.max_payload);
  out += '}';
  return out;
}

}  // namespace maru::engineio
