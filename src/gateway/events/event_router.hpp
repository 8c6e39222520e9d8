// From an event of a client to what serves it (gateway/operations.hpp).
#pragma once

namespace maru::gateway {

class RealtimeCore;
class ClientSession;
struct IncomingEvent;

// Checks what every event must be (text, an object, within the connection's rate) and starts the
// task that serves it. The socket may be gone after it.
void route_event(RealtimeCore& core, ClientSession& session, const IncomingEvent& event);

}  // namespace maru::gateway
