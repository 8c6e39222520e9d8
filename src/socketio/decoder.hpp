// Reads Socket.IO packets and holds them to every rule of protocol.md 1.10. One per thread; what
// it returns ends with the next call. Whatever is faulty is faulty as a whole: the caller closes
// the connection, there is no error packet.
//
// Each byte of a header is looked at once; a payload is handed to the JSON parser once, a binary
// packet's a second time when its attachments are complete. So no more than 2 bytes are visited for
// each byte of input, which bytes_visited() lets tests hold it to (quality.md, CVE-2020-36049).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "json/reader.hpp"
#include "socketio/packet.hpp"

namespace maru::socketio {

// The part before the JSON. Nothing for an unknown type, a wrong count of attachments, an ack id
// that is no decimal number of 64 bits.
[[nodiscard]] std::optional<PacketHeader> decode_header(std::string_view message);

struct Payload {
  json::Value value;            // absent if the packet has none
  std::string_view event_name;  // of an event; a number as it was written
  // An event whose JSON is well-formed but breaks a rule of json::Parser: value and name are
  // absent.
  std::optional<Error> refused;
};

class Decoder {
 public:
  // Nothing if the payload does not fit the header's type. An event without any payload is valid
  // and says nothing: its value is absent.
  [[nodiscard]] std::optional<Payload> decode_payload(const PacketHeader& header);

  // decode_header, counted.
  [[nodiscard]] std::optional<PacketHeader> decode_header_counted(std::string_view message);
  [[nodiscard]] std::size_t bytes_visited() const { return bytes_visited_; }

 private:
  json::Parser parser_;
  std::size_t bytes_visited_ = 0;
};

// An event that only the library itself may emit.
[[nodiscard]] bool is_reserved_event(std::string_view name);

}  // namespace maru::socketio
