// Everything that a client can ask for, in one table: by which event of a socket, by which REST
// call, who may, and what serves it. From here come the routing of both front ends,
// `hello.features`, the labels of the counters, the authorisation matrix and the check of
// openapi.json. Constant; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "gateway/events/handlers.hpp"
#include "gateway/identity/who.hpp"
#include "gateway/rest/route.hpp"

namespace maru::gateway {

struct Operation {
  std::string_view name;  // openapi.json's operationId, or the event's name
  Access access;
  EventRoute event;  // without a name: not by an event
  rest::Route call;  // without a path: not by a REST call

  [[nodiscard]] bool is_event() const { return !event.name.empty(); }
  [[nodiscard]] bool is_call() const { return !call.path.empty(); }
};

[[nodiscard]] std::span<const Operation> operations();
// Where in operations(); as many as there are: none.
[[nodiscard]] std::size_t find_event(std::string_view name);
// As the metrics call it. For an operation without an event, or none, "none".
[[nodiscard]] std::string_view event_name(std::size_t operation);

}  // namespace maru::gateway
