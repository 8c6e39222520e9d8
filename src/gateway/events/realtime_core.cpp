#include "gateway/events/realtime_core.hpp"

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "base/log.hpp"
#include "base/memory.hpp"
#include "gateway/events/connect.hpp"
#include "gateway/events/event_router.hpp"
#include "json/writer.hpp"
#include "wire/documents.hpp"

namespace maru::gateway {
namespace {

// So many events refused in a row for their rate: the client does not listen, it is cut off.
constexpr std::uint16_t kRefusalsMax = 200;
constexpr std::size_t kLoggedNameBytesMax = 64;  // a client may make it up

// What an event waits for its rate is bounded by an option only.
static_assert(
    std::is_same_v<decltype(HeldEvent::waited_ms), decltype(GatewayOptions::rate_delay_max_ms)> &&
    std::is_same_v<decltype(IncomingEvent::waited_ms), decltype(HeldEvent::waited_ms)>);

Error rate_limited(std::int64_t retry_after_ms) {
  Error error{ErrorCode::kRateLimited, "Too many events: slow down.", {}, 0};
  error.retry_after_ms = as_retry_after(std::max<std::int64_t>(retry_after_ms, 1));
  return error;
}

HeldEvent hold_on_to(const IncomingEvent& event) {
  return {std::string(event.text), event.ack, event.binary, event.has_paid, event.waited_ms};
}

}  // namespace

RealtimeCore::RealtimeCore(Context& context_in)
    : context(context_in),
      rooms(context_in.inbox.rooms()),
      delays(context_in.thread),
      tasks_({[&thread = context_in.thread](Job job) { thread.post(std::move(job)); },
              [&thread = context_in.thread] { return thread.on_this_thread(); }}) {
  context.realtime_cores.at(context.thread.index()) = this;
  rooms.on_membership_ended([this](UserId user) { recheck_presence(*this, user); });
}

// Sockets are gone by now, but for those whose recovery was under way when the thread ended.
RealtimeCore::~RealtimeCore() {
  drop_tasks();
  rooms.on_membership_ended({});
  context.realtime_cores[context.thread.index()] = nullptr;
  for (std::size_t slot = 0; slot < sessions.slot_count(); ++slot) {
    if (ClientSession* session = sessions.at_slot(slot)) rooms.remove(*session);
  }
}

// The delays first: they hold the right to go on with tasks.
void RealtimeCore::drop_tasks() {
  delays.drop_all();
  tasks_.drop_all();
}

void RealtimeCore::start(SessionKey session, Task<void> task) {
  tasks_.start(std::move(task), [this, session] { return sessions.find(session) != nullptr; });
}

void RealtimeCore::receive(ClientSession& session, const IncomingEvent& event) {
  if (session.is_open() && !session.has_held()) {
    route_event(*this, session, event);
    return;
  }
  if (!session.hold(hold_on_to(event))) {
    refuse(session, event.ack, rate_limited(context.options.rate_delay_max_ms));
  }
}

void RealtimeCore::drain(SessionKey key) {
  // A call that is answered at once comes back here: the loop below goes on, no second one.
  if (draining_ == key) return;
  if (draining_ != 0) return drain_later(key);
  draining_ = key;
  for (;;) {
    ClientSession* session = sessions.find(key);
    if (session == nullptr || session->revoked) break;
    if (!session->is_open() || !session->has_held()) break;
    const HeldEvent held = session->take_held();
    IncomingEvent event{.text = held.text, .ack = held.ack, .binary = held.binary};
    event.has_paid = held.has_paid;
    event.waited_ms = held.waited_ms;
    const auto arguments = parser_.parse(held.text);
    if (arguments) {
      event.name = arguments->at(0).as_string().value_or("");
      event.payload = arguments->at(1);
    } else {
      event.refused = &arguments.error();  // as it was when it came
    }
    if (memory::survive([&] { route_event(*this, *session, event); })) continue;
    // What it asked is lost: only its client can say it again.
    lose(key);
  }
  draining_ = 0;
}

bool RealtimeCore::admit(ClientSession& session, const IncomingEvent& event) {
  if (event.has_paid) return true;
  // Of the connection, not of the socket: leaving and coming again brings no new one.
  const Toll toll{Rate::kEventsOfConnection, session.socket->session_tag()};
  const std::int64_t wait =
      context.limiter.take(toll, context.options.rate_delay_max_ms - event.waited_ms);
  if (wait < 0) {
    refuse_rate(session, event.ack, event.name, toll);
    return false;
  }
  if (wait == 0) return true;
  HeldEvent held = hold_on_to(event);
  held.has_paid = true;
  held.waited_ms = event.waited_ms + wait;
  session.hold_first(std::move(held));
  session.block(Blocker::kDelayed);
  delays.after(wait, [this, key = session.key] {
    if (ClientSession* later = sessions.find(key)) later->unblock(Blocker::kDelayed);
    drain(key);
  });
  return false;
}

Error RealtimeCore::refuse_rate(ClientSession& session, std::optional<endpoint::AckId> ack,
                                std::string_view event, const Toll& toll, std::size_t operation) {
  Error error = rate_limited(context.limiter.retry_after_ms(toll));
  refuse(session, ack, error, operation);
  const char* const limit = name_of(toll.rate);
  // Where the user is, the record of the login session says.
  log::audit_repeated("audit_rate_limited", {{"limit", limit}, {"user", session.user.hex()}},
                      {{"limit", limit},
                       {"call", event.substr(0, kLoggedNameBytesMax)},
                       {"user", session.user.hex()},
                       {"session", session.session.hex()}});
  if (++session.refusals > kRefusalsMax) {
    session.socket->disconnect(endpoint::Disconnect::kTransportOnly);
  }
  return error;
}

void RealtimeCore::refuse(ClientSession& session, std::optional<endpoint::AckId> ack,
                          const Error& error, std::size_t operation) {
  counters.event_answered(operation, error.code);
  std::string out;
  json::Writer writer(out);
  writer.begin_array();
  if (ack) {
    writer.begin_object().key("ok").boolean(false).key("error");
    wire::write_problem(writer, error, next_request_id());
    writer.end_object().end_array();
    session.socket->acknowledge(*ack, out);
    return;
  }
  writer.string("problem");
  wire::write_problem(writer, error, next_request_id());
  writer.end_array();
  session.socket->emit(out);
}

std::string RealtimeCore::next_request_id() {
  return "e" + std::to_string(context.thread.index()) + "-" + std::to_string(++requests_);
}

}  // namespace maru::gateway
