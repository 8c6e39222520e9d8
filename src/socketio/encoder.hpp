// Writes Socket.IO packets, each with the Engine.IO message type in front ("42[…]"), ready for a
// WebSocket text frame or a polling payload. JSON is handed in ready. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "socketio/packet.hpp"

namespace maru::socketio {

// What stands before the arguments, a whole JSON array (an event's with its name first): the hot
// path writes both into one frame.
std::string event_prefix(std::string_view namespace_name);
std::string ack_prefix(std::string_view namespace_name, AckId ack);
// The header text of a binary packet; its attachments follow as `attachments` binary messages,
// which the placeholders in `arguments_json` name.
std::string encode_binary_event(std::string_view namespace_name, std::size_t attachments,
                                std::string_view arguments_json);
std::string encode_binary_ack(std::string_view namespace_name, std::size_t attachments, AckId ack,
                              std::string_view arguments_json);

// `pid` is left out if empty. Both are plain ids of ours, written without escaping.
std::string encode_connect(std::string_view namespace_name, std::string_view sid,
                           std::string_view pid);
std::string encode_disconnect(std::string_view namespace_name);
// `message` is any valid UTF-8; `data_json`, ready JSON, is left out if empty.
std::string encode_connect_error(std::string_view namespace_name, std::string_view message,
                                 std::string_view data_json);

}  // namespace maru::socketio
