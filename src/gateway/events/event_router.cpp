#include "gateway/events/event_router.hpp"

#include <algorithm>
#include <array>

#include "gateway/events/handlers.hpp"
#include "gateway/events/payloads.hpp"

namespace maru::gateway {
namespace {

using Handler = void (*)(RealtimeCore&, ClientSession&, const IncomingEvent&);

constexpr std::array<std::string_view, 5> kNames = {"joinRoom", "leaveRoom", "sendMessage", "sync",
                                                    "watchPresence"};
constexpr std::array<Handler, kNames.size()> kHandlers = {
    handle_join_room, handle_leave_room, handle_send_message, handle_sync, handle_watch_presence};

}  // namespace

std::span<const std::string_view> event_names() {
  return kNames;
}

void route_event(RealtimeCore& core, ClientSession& session, const IncomingEvent& call) {
  // Of the connection, not of the socket: leaving and coming again brings no new one.
  const std::uint64_t connection = session.socket->session_tag();
  if (!core.admit(session, call, {{Rate::kEventsOfConnection, connection}},
                  Admission::kConnection)) {
    return;
  }
  if (call.refused != nullptr) return core.refuse(session, call.caller, *call.refused);
  if (call.binary) {
    core.refuse(session, call.caller,
                Error{ErrorCode::kNotText, "Binary packets are not served: send text.", {}, 0});
    return;
  }
  const auto name = std::ranges::find(kNames, call.name);
  if (name == kNames.end()) {
    core.refuse(session, call.caller,
                Error{ErrorCode::kNotFound, "This build does not know that event.", {}, 0});
    return;
  }
  if (auto object = require_object(call.payload, "payload"); !object) {
    core.refuse(session, call.caller, object.error());
    return;
  }
  kHandlers[static_cast<std::size_t>(name - kNames.begin())](core, session, call);
}

}  // namespace maru::gateway
