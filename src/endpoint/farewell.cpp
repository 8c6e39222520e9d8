#include "endpoint/farewell.hpp"

namespace maru::endpoint {

Farewell farewell_of(DisconnectReason reason) {
  switch (reason) {
    // The server's own doing, or the network's: the client is welcome.
    case DisconnectReason::kServerShuttingDown:
    case DisconnectReason::kSlowConsumer:
    case DisconnectReason::kPingTimeout:
    case DisconnectReason::kLetGo:
      return Farewell::kComeBack;
    // Sent away: `41` goes before.
    case DisconnectReason::kForcedServerClose:
      return Farewell::kKept;
    // It went by itself.
    case DisconnectReason::kTransportClose:
      return Farewell::kNoop;
    // It broke the protocol: what the official suites ask for.
    case DisconnectReason::kTransportError:
    case DisconnectReason::kForcedClose:
    case DisconnectReason::kParseError:
    // The transport stays after these.
    case DisconnectReason::kClientNamespaceDisconnect:
    case DisconnectReason::kServerNamespaceDisconnect:
      break;
  }
  return Farewell::kPendingOnly;
}

}  // namespace maru::endpoint
