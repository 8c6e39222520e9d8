// The clients' events, one file each (product.md, "Realtime"). A handler reads the payload, an
// object, before anything else (its views end with the call; it is no coroutine itself), and
// returns the rest as a task: that answers, or ends with the refusal.
#pragma once

#include "gateway/events/event_call.hpp"
#include "gateway/events/realtime_core.hpp"

namespace maru::gateway {

using Handling = Task<Result<void>>;
// One that is refused at once.
Handling refused(Error error);

Handling handle_join_room(EventCall& call, json::Value payload);
Handling handle_leave_room(EventCall& call, json::Value payload);
// Those that are no tasks yet.
void handle_send_message(RealtimeCore& core, ClientSession& session, const IncomingEvent& call);
void handle_sync(RealtimeCore& core, ClientSession& session, const IncomingEvent& call);
void handle_watch_presence(RealtimeCore& core, ClientSession& session, const IncomingEvent& call);

}  // namespace maru::gateway
