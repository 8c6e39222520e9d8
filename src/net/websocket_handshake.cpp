#include "net/websocket_handshake.hpp"

#include <algorithm>

#include "net/header_scan.hpp"
#include "net/tls.hpp"

namespace maru::net {
namespace {

// 16 bytes in base64: 22 digits, of which the last carries two bits, and "==".
bool is_key(std::string_view key) {
  if (key.size() != 24 || !key.ends_with("==")) return false;
  return std::ranges::all_of(key.substr(0, 22), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
           c == '/';
  });
}

WebSocketOffer refuse(const char* fault, bool wrong_version = false) {
  WebSocketOffer offer;
  offer.fault = fault;
  offer.wrong_version = wrong_version;
  return offer;
}

std::size_t count_fields(const RequestHead& head, std::string_view name) {
  return static_cast<std::size_t>(
      std::ranges::count(head.fields, name, [](const auto& f) { return f.first; }));
}

}  // namespace

WebSocketOffer read_websocket_offer(const RequestHead& head) {
  const std::string_view key = head.field("sec-websocket-key");
  if (count_fields(head, "sec-websocket-key") != 1 || !is_key(key)) {
    return refuse("Missing or invalid Sec-WebSocket-Key header");
  }
  const std::string_view version = head.field("sec-websocket-version");
  if (count_fields(head, "sec-websocket-version") != 1 || (version != "13" && version != "8")) {
    return refuse("Missing or invalid Sec-WebSocket-Version header", true);
  }
  WebSocketOffer offer;
  const std::string_view protocols = head.field("sec-websocket-protocol");
  if (!protocols.empty()) {
    const std::string_view first = trim(protocols.substr(0, protocols.find(',')));
    if (!is_token(first)) return refuse("Invalid Sec-WebSocket-Protocol header");
    offer.protocol = first;
  }
  offer.accept_value = websocket_accept_value(key);
  offer.valid = true;
  return offer;
}

HttpResponse refuse_websocket_offer(const WebSocketOffer& offer) {
  HttpResponse response;
  response.status = 400;
  response.content_type = "text/html";
  response.body = offer.fault;
  response.close = true;
  if (offer.wrong_version) response.set("Sec-WebSocket-Version", "13, 8");
  return response;
}

}  // namespace maru::net
