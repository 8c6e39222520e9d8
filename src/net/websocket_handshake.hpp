// The opening handshake of RFC 6455, section 4.2, without I/O. Any thread.
#pragma once

#include <string>

#include "net/http.hpp"

namespace maru::net {

// What an upgrade request asks for, kept until it is accepted.
struct WebSocketOffer {
  bool valid = false;
  bool wrong_version = false;  // answered with Sec-WebSocket-Version
  const char* fault = "";      // where not valid: the text of the 400
  std::string accept_value;    // for Sec-WebSocket-Accept
  std::string protocol;        // the first that the client offers, or empty
};

// Of a head that wants_websocket. Extensions are passed over, so none is ever negotiated. Linear in
// the head.
WebSocketOffer read_websocket_offer(const RequestHead& head);

// The 400 for an offer that is not valid.
HttpResponse refuse_websocket_offer(const WebSocketOffer& offer);

}  // namespace maru::net
