#include "gateway/events/event_router.hpp"

#include <algorithm>
#include <array>
#include <new>

#include "gateway/events/handlers.hpp"
#include "gateway/events/payloads.hpp"
#include "gateway/events/realtime_core.hpp"

namespace maru::gateway {
namespace {

using Handler = Handling (*)(EventCall& call, json::Value payload);

using Straight = bool (*)(RealtimeCore&, ClientSession&, const IncomingEvent&);

constexpr std::array<std::string_view, 5> kNames = {"joinRoom", "leaveRoom", "sendMessage", "sync",
                                                    "watchPresence"};
constexpr std::array<Handler, kNames.size()> kHandlers = {
    handle_join_room, handle_leave_room, handle_send_message, handle_sync, handle_watch_presence};
// Tried first, where there is one.
constexpr std::array<Straight, kNames.size()> kStraight = {nullptr, nullptr, send_straight, nullptr,
                                                           nullptr};

// From the event to its answer. What `event` views ends when this first waits.
Task<void> serve(RealtimeCore& core, ClientSession& session, std::size_t which,
                 const IncomingEvent& event) {
  EventCall call(core, session, kNames.at(which), event);
  try {
    const Result<void> done = co_await kHandlers.at(which)(call, event.payload);
    if (!done) call.refuse(done.error());
  } catch (const std::bad_alloc&) {
    call.lose();
    throw;
  }
}

// What no handler gets to see.
Result<std::size_t> find_handler(const IncomingEvent& event) {
  if (event.refused != nullptr) return std::unexpected(*event.refused);
  if (event.binary) return fail(ErrorCode::kNotText, "Binary packets are not served: send text.");
  const auto name = std::ranges::find(kNames, event.name);
  if (name == kNames.end()) {
    return fail(ErrorCode::kNotFound, "This build does not know that event.");
  }
  if (auto object = require_object(event.payload, "payload"); !object) {
    return std::unexpected(std::move(object.error()));
  }
  return static_cast<std::size_t>(name - kNames.begin());
}

}  // namespace

Handling refused(Error error) {
  co_return std::unexpected(std::move(error));
}

std::span<const std::string_view> event_names() {
  return kNames;
}

void route_event(RealtimeCore& core, ClientSession& session, const IncomingEvent& event) {
  if (!core.admit(session, event)) return;
  const Result<std::size_t> which = find_handler(event);
  if (!which) return core.refuse(session, event.ack, which.error());
  if (kStraight.at(*which) != nullptr && kStraight.at(*which)(core, session, event)) return;
  core.start(session.key, serve(core, session, *which, event));
}

}  // namespace maru::gateway
