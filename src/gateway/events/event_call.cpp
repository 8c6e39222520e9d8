#include "gateway/events/event_call.hpp"

#include <cassert>
#include <utility>

#include "base/log.hpp"
#include "base/memory.hpp"
#include "fanout/presence/presence.hpp"
#include "gateway/events/connect.hpp"
#include "gateway/events/realtime_core.hpp"
#include "gateway/flow.hpp"
#include "gateway/operations.hpp"

namespace maru::gateway {

Toll read_share_of(const ClientSession& session) {
  if (!session.login_user.is_zero()) {
    return {Rate::kReadsOfUser, RateLimiter::key_of(session.login_user)};
  }
  const auto* const opened_with = static_cast<const Handshake*>(
      session.socket == nullptr ? nullptr : session.socket->handshake_data());
  return {Rate::kReadsOfIp, opened_with == nullptr ? 0 : opened_with->network};
}

EventCall::EventCall(RealtimeCore& core, ClientSession& session, std::size_t operation,
                     const IncomingEvent& event)
    : Request(core.context),
      core_(core),
      key_(session.key),
      operation_(operation),
      ack_(event.ack),
      asker_(core.context.options.auth, session),
      share_(read_share_of(session)),
      waited_ms_(event.waited_ms) {
  session.begin_operation(core.context.options.commands_in_flight_max);
}

EventCall::~EventCall() {
  if (core_.sessions.find(key_) == nullptr) return;
  if (!memory::survive([&] {
        if (!is_answered_) refuse(stopping());
        rest();
        core_.drain(key_);
      })) {
    lose();
  }
}

ClientSession& EventCall::session() const {
  ClientSession* const session = core_.sessions.find(key_);
  assert(session != nullptr && "the task of a socket that has gone does not go on");
  return *session;
}

// ---- the answer ----

void EventCall::acknowledge(std::string_view arguments_json) {
  assert(!is_answered_ && "an event is answered once");
  is_answered_ = true;
  core_.counters.event_answered(operation_, std::nullopt);
  if (ack_) session().socket->acknowledge(*ack_, arguments_json);
}

void EventCall::refuse(const Error& error) {
  if (std::exchange(is_answered_, true)) return;
  core_.refuse(session(), ack_, error, operation_);
}

void EventCall::lose() {
  is_answered_ = true;
  core_.lose(key_);
}

void EventCall::rest() {
  ClientSession* const session = core_.sessions.find(key_);
  if (!std::exchange(is_in_flight_, false) || session == nullptr) return;
  session->end_operation(context().options.commands_in_flight_max);
}

// ---- who asks ----

Result<Asks> Asker::asks(json::Value payload, const char* id_field, const char* name_field) const {
  Asks asks(Access::kActor);
  asks.named.id = user;
  asks.named.field.clear();
  if (mode == AuthMode::kAccounts) return asks;
  auto named = parse_named_user(payload, id_field, name_field);
  if (!named) return std::unexpected(std::move(named.error()));
  if (!named->empty()) {
    const char* const field = named->id ? id_field : name_field;
    asks.named = Named(std::move(*named), field);
  } else if (user.is_zero()) {
    return fail(ErrorCode::kUnauthenticated, "Say who you are: userId, userName or a token.");
  }
  return asks;
}

std::optional<UserId> Asker::known(const Asks& asks) const {
  if (mode == AuthMode::kAccounts) return user;
  if (asks.named.id && *asks.named.id == login_user) return login_user;
  return std::nullopt;
}

void speak_for(RealtimeCore& core, ClientSession& session, UserId user) {
  if (core.context.options.auth == AuthMode::kAccounts) return;
  if (session.user != user) {
    if (session.recovery != nullptr && !session.user.is_zero()) {
      session.recovery->spoke_for_others = true;
    }
    session.user = user;
    core.rooms.set_user(session, user);
  }
  core.context.presence.user_named(user);
}

std::optional<Caller> EventCall::known(const Asks& asks) const {
  const std::optional<UserId> user = asker_.known(asks);
  if (!user) return std::nullopt;
  Caller caller;
  caller.user = *user;
  return caller;
}

Result<Caller> EventCall::identify(chat::Snapshot& snapshot, const Asks& asks) {
  if (auto already = known(asks)) return std::move(*already);
  auto user = believe(snapshot, asks.named, asker_.login_user);
  if (!user) return std::unexpected(std::move(user.error()));
  Caller caller;
  caller.user = user->id;
  return caller;
}

Toll EventCall::read_share(const Caller&) const {
  return share_;
}

void EventCall::audit(std::string_view event, const UserId& user, const ChatId& chat) const {
  // Where the user is, the record of the login session says.
  log::audit(event,
             {{"user", user.hex()}, {"chat", chat.hex()}, {"session", session().session.hex()}});
}

// ---- rates, waiting ----

Result<std::int64_t> EventCall::pay(const Tolls& tolls, const UserId&) {
  const auto [wait, refusing] =
      context().limiter.take_all(tolls.span(), context().options.rate_delay_max_ms - waited_ms_);
  if (refusing != nullptr) {
    is_answered_ = true;
    return std::unexpected(core_.refuse_rate(session(), ack_, operations()[operation_].event.name,
                                             *refusing, operation_));
  }
  session().refusals = 0;
  waited_ms_ += wait;
  return wait;
}

Task<void> EventCall::delay(std::int64_t delay_ms) {
  session().block(Blocker::kDelayed);
  co_await later(*this, delay_ms);
  session().unblock(Blocker::kDelayed);
  core_.drain_later(key_);  // behind what this one does at once
}

std::unexpected<Error> EventCall::refuse_read() {
  return std::unexpected(Error{
      ErrorCode::kRateLimited, "Too much to read at once; wait for the other answers.", {}, 1'000});
}

void EventCall::after(std::int64_t delay_ms, Job job) {
  core_.delays.after(delay_ms, std::move(job));
}

// ---- NextEventsWait, PendingAttachment ----

NextEventsWait::NextEventsWait(const EventCall& call) : core_(call.core()), key_(call.key()) {
  call.session().begin_wait();
}

NextEventsWait::~NextEventsWait() {
  if (ClientSession* const session = core_.sessions.find(key_)) session->end_wait();
}

std::optional<PendingAttachment> PendingAttachment::attach(const EventCall& call, ChatId chat) {
  const fanout::AttachResult result = call.session().attach(chat);
  if (result == fanout::AttachResult::kTooMany) return std::nullopt;
  return PendingAttachment(call.core(), call.key(), chat,
                           result == fanout::AttachResult::kAttached);
}

PendingAttachment::PendingAttachment(PendingAttachment&& other) noexcept
    : core_(std::exchange(other.core_, nullptr)),
      key_(other.key_),
      chat_(other.chat_),
      was_attached_(other.was_attached_) {}

PendingAttachment::~PendingAttachment() {
  if (core_ == nullptr) return;
  ClientSession* const session = core_->sessions.find(key_);
  if (session == nullptr || memory::survive([&] { session->abandon(chat_); })) return;
  session->on_event_lost();  // what waited behind it could not go out
}

bool PendingAttachment::is_attached() const {
  const ClientSession* const session = core_->sessions.find(key_);
  return session != nullptr && session->is_attached(chat_);
}

void PendingAttachment::settle(Sequence upto) {
  RealtimeCore* const core = std::exchange(core_, nullptr);
  if (ClientSession* const session = core->sessions.find(key_)) session->settle(chat_, upto);
}

}  // namespace maru::gateway
