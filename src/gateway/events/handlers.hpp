// The clients' events, one file each (product.md, "Realtime"). `call.payload` is an object. Each
// answers exactly once, now or later; the session may be gone after a call.
#pragma once

#include "gateway/events/realtime_core.hpp"

namespace maru::gateway {

void handle_join_room(RealtimeCore& core, ClientSession& session, const IncomingEvent& call);
void handle_leave_room(RealtimeCore& core, ClientSession& session, const IncomingEvent& call);
void handle_send_message(RealtimeCore& core, ClientSession& session, const IncomingEvent& call);
void handle_sync(RealtimeCore& core, ClientSession& session, const IncomingEvent& call);
void handle_watch_presence(RealtimeCore& core, ClientSession& session, const IncomingEvent& call);

}  // namespace maru::gateway
