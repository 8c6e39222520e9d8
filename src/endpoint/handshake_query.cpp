#include "endpoint/handshake_query.hpp"

#include "net/http.hpp"

namespace maru::endpoint {
namespace {

struct Parameter {
  int count = 0;
  std::string_view raw;

  void take(std::string_view value) {
    ++count;
    raw = value;
  }
  [[nodiscard]] std::string single() const {
    return count == 1 ? net::percent_decode(raw) : std::string();
  }
};

}  // namespace

HandshakeQuery read_handshake_query(std::string_view query) {
  Parameter transport;
  Parameter version;
  Parameter sid;
  Parameter base64;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    const std::size_t equals = pair.find('=');
    const std::string_view name = pair.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    if (name == "transport") transport.take(value);
    if (name == "EIO") version.take(value);
    if (name == "sid") sid.take(value);
    if (name == "b64") base64.take(value);
  }
  HandshakeQuery result;
  const std::string transport_name = transport.single();
  if (transport_name == "polling") result.transport = HandshakeQuery::Transport::kPolling;
  if (transport_name == "websocket") result.transport = HandshakeQuery::Transport::kWebSocket;
  result.is_protocol_4 = version.single() == "4";
  result.sid = sid.single();
  result.has_sid = sid.count > 1 || !result.sid.empty();
  result.base64 = base64.count > 0 && !base64.raw.empty();
  return result;
}

}  // namespace maru::endpoint
