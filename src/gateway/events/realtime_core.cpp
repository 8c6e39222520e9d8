#include "gateway/events/realtime_core.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
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

}  // namespace

HeldEvent hold_on_to(const IncomingEvent& call) {
  return {std::string(call.text), call.caller.ack, call.binary, call.admission, call.waited_ms};
}

IncomingEvent later_call(const HeldEvent& held, SessionKey session, std::string_view name) {
  IncomingEvent call{
      .name = name, .text = held.text, .caller = {session, held.ack}, .binary = held.binary};
  call.admission = held.admission;
  call.waited_ms = held.waited_ms;
  return call;
}

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
  tasks_.drop_all();
  rooms.on_membership_ended({});
  context.realtime_cores[context.thread.index()] = nullptr;
  for (std::size_t slot = 0; slot < sessions.slot_count(); ++slot) {
    if (ClientSession* session = sessions.at_slot(slot)) rooms.remove(*session);
  }
}

void RealtimeCore::start(SessionKey session, Task<void> task) {
  tasks_.start(std::move(task), [this, session] { return sessions.find(session) != nullptr; });
}

void RealtimeCore::receive(ClientSession& session, const IncomingEvent& call) {
  if (session.is_open() && !session.has_held()) {
    route_event(*this, session, call);
    return;
  }
  if (!session.hold(hold_on_to(call))) {
    refuse(session, call.caller, rate_limited(context.options.rate_delay_max_ms));
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
    IncomingEvent call = later_call(held, key, {});
    const auto arguments = parser_.parse(held.text);
    if (arguments) {
      call.name = arguments->at(0).as_string().value_or("");
      call.payload = arguments->at(1);
    } else {
      call.refused = &arguments.error();  // as it was when it came
    }
    if (memory::survive([&] { route_event(*this, *session, call); })) continue;
    // What it asked is lost: only its client can say it again.
    lose(key);
  }
  draining_ = 0;
}

bool RealtimeCore::admit(ClientSession& session, const IncomingEvent& call,
                         std::initializer_list<Toll> tolls, Admission reached) {
  if (call.admission >= reached) return true;
  const auto [wait, refused] = context.limiter.take_all(
      std::span(tolls.begin(), tolls.size()), context.options.rate_delay_max_ms - call.waited_ms);
  if (refused != nullptr) {
    refuse_rate(session, call.caller, call.name, *refused);
    return false;
  }
  // Coming through the connection's own rate alone ends no row of refusals.
  if (reached == Admission::kAll) session.refusals = 0;
  if (wait == 0) return true;
  HeldEvent held = hold_on_to(call);
  held.admission = reached;
  held.waited_ms = call.waited_ms + wait;
  session.hold_first(std::move(held));
  session.block(Blocker::kDelayed);
  delays.after(wait, [this, key = session.key] {
    if (ClientSession* later = sessions.find(key)) later->unblock(Blocker::kDelayed);
    drain(key);
  });
  return false;
}

Error RealtimeCore::refuse_rate(ClientSession& session, const EventCaller& caller,
                                std::string_view event, const Toll& toll) {
  Error error = rate_limited(context.limiter.retry_after_ms(toll));
  refuse(session, caller, error);
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

void RealtimeCore::acknowledge(ClientSession& session, const EventCaller& caller,
                               std::string_view arguments_json) {
  if (caller.ack) session.socket->acknowledge(*caller.ack, arguments_json);
}

void RealtimeCore::refuse(ClientSession& session, const EventCaller& caller, const Error& error) {
  std::string out;
  json::Writer writer(out);
  writer.begin_array();
  if (caller.ack) {
    writer.begin_object().key("ok").boolean(false).key("error");
    wire::write_problem(writer, error, next_request_id());
    writer.end_object().end_array();
    session.socket->acknowledge(*caller.ack, out);
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

Toll RealtimeCore::read_share(const ClientSession& session) {
  if (!session.login_user.is_zero()) {
    return {Rate::kReadsOfUser, RateLimiter::key_of(session.login_user)};
  }
  const auto* const opened_with = static_cast<const Handshake*>(
      session.socket == nullptr ? nullptr : session.socket->handshake_data());
  return {Rate::kReadsOfIp, opened_with == nullptr ? 0 : opened_with->network};
}

void RealtimeCore::begin(ClientSession& session, Input input) {
  session.begin_operation(context.options.commands_in_flight_max);
  if (input == Input::kWaits) session.begin_wait();
}

void RealtimeCore::finish(SessionKey key, Input input) {
  ClientSession* session = sessions.find(key);
  if (session == nullptr) return;
  if (input == Input::kWaits) session->end_wait();
  session->end_operation(context.options.commands_in_flight_max);
  drain(key);
}

}  // namespace maru::gateway
