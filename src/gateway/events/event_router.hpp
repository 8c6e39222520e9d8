// Which handler serves which event of a client. `hello.features` names the same list.
#pragma once

#include <span>
#include <string_view>

namespace maru::gateway {

class RealtimeCore;
class ClientSession;
struct IncomingEvent;

// Checks what every event must be (text, an object, within the connection's rate) and starts the
// task that serves it. The socket may be gone after it.
void route_event(RealtimeCore& core, ClientSession& session, const IncomingEvent& event);

[[nodiscard]] std::span<const std::string_view> event_names();

}  // namespace maru::gateway
