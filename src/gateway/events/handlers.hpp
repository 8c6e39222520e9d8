// The clients' events, one file each (product.md, "Realtime"). A handler reads the payload, an
// object, before anything else (its views end with the call; it is no coroutine itself), and
// returns the rest as a task: that answers, or ends with the refusal.
#pragma once

#include <cstddef>
#include <string_view>

#include "gateway/events/event_call.hpp"

namespace maru::gateway {

using Handling = Task<Result<void>>;
using EventHandler = Handling (*)(EventCall& call, json::Value payload);
// One that may do without a task; tried first. False: it has done nothing, that road is not open.
using StraightHandler = bool (*)(RealtimeCore& core, ClientSession& session,
                                 const IncomingEvent& event, std::size_t operation);

// An event as its front end sees it (gateway/operations.hpp has them all).
struct EventRoute {
  std::string_view name;
  EventHandler handler = nullptr;
  StraightHandler straight = nullptr;
};

// One that is refused at once.
Handling refused(Error error);

Handling handle_join_room(EventCall& call, json::Value payload);
Handling handle_leave_room(EventCall& call, json::Value payload);
Handling handle_send_message(EventCall& call, json::Value payload);
// The road of most sends: the socket hears the chat, so it takes no look, and pays at once. What is
// left is one command and its outcome, and no task is made for them (measured: a task is a tenth of
// a 1:1 message's CPU).
[[nodiscard]] bool send_straight(RealtimeCore& core, ClientSession& session,
                                 const IncomingEvent& event, std::size_t operation);

Handling handle_sync(EventCall& call, json::Value payload);
Handling handle_watch_presence(EventCall& call, json::Value payload);

}  // namespace maru::gateway
