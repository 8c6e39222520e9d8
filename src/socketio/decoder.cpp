#include "socketio/decoder.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/ascii.hpp"
#include "base/limits.hpp"

namespace maru::socketio {
namespace {

constexpr std::array<std::string_view, 6> kReservedEvents = {
    "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes "<count>-" from the front.
bool take_attachments(std::string_view& rest, std::size_t& count) {
  static_assert(limits::kBinaryAttachmentsMax < 100);
  const std::size_t dash = rest.substr(0, 3).find('-');
  if (dash == std::string_view::npos || dash == 0) return false;
  const auto number = parse_decimal<std::size_t>(rest.substr(0, dash));
  if (!number || *number < 1 || *number > limits::kBinaryAttachmentsMax) return false;
  count = *number;
  rest.remove_prefix(dash + 1);
  return true;
}

bool take_ack(std::string_view& rest, std::optional<AckId>& ack) {
  if (rest.empty() || !is_digit(rest.front())) return true;
  AckId id = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), id);
  if (error != std::errc()) return false;
  ack = id;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  return true;
}

// Depth is bounded by the JSON parser (kJsonDepthMax).
bool placeholders_are_valid(json::Value value, std::size_t attachments) {
  if (value.is_array()) {
    bool valid = true;
    value.for_each_element([&](json::Value element) {
      valid = valid && placeholders_are_valid(element, attachments);
    });
    return valid;
  }
  if (!value.is_object()) return true;
  bool valid = true;
  bool is_placeholder = false;
  json::Value number;
  value.for_each_field([&](std::string_view key, json::Value field) {
    if (key == "_placeholder") is_placeholder = field.as_bool().value_or(false);
    if (key == "num") number = field;
    valid = valid && placeholders_are_valid(field, attachments);
  });
  if (!is_placeholder) return valid;
  const auto index = number.as_integer();
  return index && *index >= 0 && static_cast<std::size_t>(*index) < attachments;
}

// The first element of an array as it was written, which is known to be a number. JSON allows space
// before it.
std::string_view first_number(std::string_view array) {
  const std::size_t begin = array.find_first_not_of(" \t\r\n", array.find('[') + 1);
  const std::size_t end = array.find_first_of(" \t\r\n,]", begin);
  return array.substr(begin, end - begin);
}

bool read_event_name(const PacketHeader& header, Payload& payload) {
  const json::Value name = payload.value.at(0);
  if (const auto text = name.as_string()) {
    payload.event_name = *text;
    return !is_reserved_event(*text);
  }
  if (name.kind() != json::Kind::kNumber) return false;
  payload.event_name = first_number(header.payload);
  return true;
}

bool fits(const PacketHeader& header, Payload& payload) {
  const json::Value& value = payload.value;
  switch (header.type) {
    case PacketType::kConnect:
      return value.is_object();
    case PacketType::kDisconnect:
      return false;
    case PacketType::kConnectError:
      return value.is_object() || value.kind() == json::Kind::kString;
    case PacketType::kEvent:
    case PacketType::kBinaryEvent:
      if (!value.is_array() || !read_event_name(header, payload)) return false;
      break;
    case PacketType::kAck:
    case PacketType::kBinaryAck:
      if (!value.is_array()) return false;
      break;
  }
  return !header.is_binary() || placeholders_are_valid(value, header.attachments);
}

}  // namespace

bool is_reserved_event(std::string_view name) {
  return std::ranges::find(kReservedEvents, name) != kReservedEvents.end();
}

std::optional<PacketHeader> decode_header(std::string_view message) {
  if (message.empty() || message[0] < '0' || message[0] > '6') return std::nullopt;
  PacketHeader header;
  header.type = static_cast<PacketType>(message[0] - '0');
  std::string_view rest = message.substr(1);
  if (header.is_binary() && !take_attachments(rest, header.attachments)) return std::nullopt;
  if (rest.starts_with('/')) {
    const std::size_t comma = rest.find(',');
    header.namespace_name = rest.substr(0, comma);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  if (!take_ack(rest, header.ack)) return std::nullopt;
  header.payload = rest;
  return header;
}

std::optional<PacketHeader> Decoder::decode_header_counted(std::string_view message) {
  const auto header = decode_header(message);
  bytes_visited_ += header ? message.size() - header->payload.size() : message.size();
  return header;
}

std::optional<Payload> Decoder::decode_payload(const PacketHeader& header) {
  Payload payload;
  if (header.payload.empty()) {
    const bool needs_one = header.is_binary() || header.type == PacketType::kConnectError;
    return needs_one ? std::nullopt : std::optional(payload);
  }
  if (header.type == PacketType::kDisconnect) return std::nullopt;
  bytes_visited_ += header.payload.size();
  const auto value = parser_.parse(header.payload);
  if (!value) {
    if (header.type != PacketType::kEvent || !parser_.refused_by_rule()) return std::nullopt;
    payload.refused = value.error();
    return payload;
  }
  payload.value = *value;
  if (!fits(header, payload)) return std::nullopt;
  return payload;
}

}  // namespace maru::socketio
