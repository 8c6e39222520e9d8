#include "socketio/encoder.hpp"

#include "json/writer.hpp"

namespace maru::socketio {
namespace {

// "4" and the type; reserves for `more` bytes after the namespace.
std::string begin(PacketType type, std::string_view namespace_name, std::size_t more,
                  std::size_t attachments = 0) {
  std::string out;  // "/" and nothing more fits into the string itself
  if (namespace_name.size() + more > 1) out.reserve(namespace_name.size() + more + 8);
  out += '4';
  out += static_cast<char>('0' + static_cast<int>(type));
  if (attachments > 0) {
    out += std::to_string(attachments);
    out += '-';
  }
  if (namespace_name != kMainNamespace) {
    out += namespace_name;
    out += ',';
  }
  return out;
}

}  // namespace

std::string event_prefix(std::string_view namespace_name) {
  return begin(PacketType::kEvent, namespace_name, 0);
}

std::string ack_prefix(std::string_view namespace_name, AckId ack) {
  std::string out = begin(PacketType::kAck, namespace_name, 0);
  out += std::to_string(ack);
  return out;
}

std::string encode_binary_event(std::string_view namespace_name, std::size_t attachments,
                                std::string_view arguments_json) {
  std::string out =
      begin(PacketType::kBinaryEvent, namespace_name, arguments_json.size(), attachments);
  out += arguments_json;
  return out;
}

std::string encode_binary_ack(std::string_view namespace_name, std::size_t attachments, AckId ack,
                              std::string_view arguments_json) {
  std::string out =
      begin(PacketType::kBinaryAck, namespace_name, arguments_json.size() + 20, attachments);
  out += std::to_string(ack);
  out += arguments_json;
  return out;
}

std::string encode_connect(std::string_view namespace_name, std::string_view sid,
                           std::string_view pid) {
  std::string out = begin(PacketType::kConnect, namespace_name, sid.size() + pid.size() + 24);
  out += R"({"sid":")";
  out += sid;
  if (!pid.empty()) {
    out += R"(","pid":")";
    out += pid;
  }
  out += R"("})";
  return out;
}

std::string encode_disconnect(std::string_view namespace_name) {
  return begin(PacketType::kDisconnect, namespace_name, 0);
}

std::string encode_connect_error(std::string_view namespace_name, std::string_view message,
                                 std::string_view data_json) {
  std::string out =
      begin(PacketType::kConnectError, namespace_name, message.size() + data_json.size() + 32);
  out += R"({"message":")";
  json::append_escaped(out, message);
  out += '"';
  if (!data_json.empty()) {
    out += R"(,"data":)";
    out += data_json;
  }
  out += '}';
  return out;
}

}  // namespace maru::socketio
