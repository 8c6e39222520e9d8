#include "gateway/events/event_router.hpp"

#include <new>

#include "gateway/events/handlers.hpp"
#include "gateway/events/payloads.hpp"
#include "gateway/events/realtime_core.hpp"
#include "gateway/operations.hpp"

namespace maru::gateway {
namespace {

// From the event to its answer. What `event` views ends when this first waits.
Task<void> serve(RealtimeCore& core, ClientSession& session, std::size_t operation,
                 const IncomingEvent& event) {
  EventCall call(core, session, operation, event);
  try {
    const Result<void> done = co_await operations()[operation].event.handler(call, event.payload);
    if (!done) call.refuse(done.error());
  } catch (const std::bad_alloc&) {
    call.lose();
    throw;
  }
}

// What no handler gets to see.
Result<std::size_t> find_operation(const IncomingEvent& event) {
  if (event.refused != nullptr) return std::unexpected(*event.refused);
  if (event.binary) return fail(ErrorCode::kNotText, "Binary packets are not served: send text.");
  const std::size_t operation = find_event(event.name);
  if (operation == operations().size()) {
    return fail(ErrorCode::kNotFound, "This build does not know that event.");
  }
  if (auto object = require_object(event.payload, "payload"); !object) {
    return std::unexpected(std::move(object.error()));
  }
  return operation;
}

}  // namespace

Handling refused(Error error) {
  co_return std::unexpected(std::move(error));
}

void route_event(RealtimeCore& core, ClientSession& session, const IncomingEvent& event) {
  if (!core.admit(session, event)) return;
  const Result<std::size_t> operation = find_operation(event);
  if (!operation) return core.refuse(session, event.ack, operation.error());
  const StraightHandler straight = operations()[*operation].event.straight;
  if (straight != nullptr && straight(core, session, event, *operation)) return;
  core.start(session.key, serve(core, session, *operation, event));
}

}  // namespace maru::gateway
