// leaveRoom {chatId,number,userId?,userName?} → {left}: the socket is detached at once; a group is
// left after a grace of 2 s, in which the end of the socket or any join takes it back
// (product.md 1: the original's client leaves on `beforeunload`, a closed tab is not a leave).
#include <optional>
#include <string>
#include <utility>

#include "gateway/events/addressing.hpp"
#include "gateway/events/handlers.hpp"
#include "gateway/events/payloads.hpp"
#include "gateway/events/realtime_core.hpp"
#include "gateway/flow.hpp"
#include "gateway/pending_leaves.hpp"
#include "json/writer.hpp"

namespace maru::gateway {
namespace {

// A leave that waits for its grace. The socket's other events do not wait for it meanwhile, nor is
// it one of those in flight.
class Grace {
 public:
  explicit Grace(EventCall& call) : core_(call.core()) {
    call.rest();
    ++core_.leaves_waiting;
  }
  Grace(const Grace&) = delete;
  Grace& operator=(const Grace&) = delete;
  ~Grace() { --core_.leaves_waiting; }

 private:
  RealtimeCore& core_;
};

Result<void> answer(EventCall& call, bool left) {
  std::string out;
  json::Writer writer(out);
  writer.begin_array().begin_object().key("ok").boolean(true);
  writer.key("left").boolean(left).end_object().end_array();
  call.acknowledge(out);
  return {};
}

// What the sequencer is asked before the grace: nothing, if detaching was all. The socket's next
// event waits until then, so that a joinRoom right after it comes after it for the sequencer, too.
Task<Result<std::optional<chat::LeaveChat>>> ask_leave(EventCall& call, const Asks& asks,
                                                       const ChatRef& ref,
                                                       PendingLeaves::Mark& mark) {
  const NextEventsWait waiting(call);
  const Result<Addressed> to = co_await address(call, asks, ref);
  if (!to) co_return std::unexpected(to.error());
  call.session().detach(to->chat);
  const Result<Caller> caller = co_await known(call, asks);
  if (!caller) co_return std::unexpected(caller.error());
  const UserId user = caller->user;
  mark = call.context().pending_leaves.mark(user, to->chat);
  const chat::AskLeave question{.chat = to->chat, .user = user};
  const chat::Reply reply = co_await submit(call, question);
  if (!reply) co_return std::unexpected(reply.error());
  call.speak_for(user);
  std::optional<chat::LeaveChat> command;
  if (const auto* asked = std::get_if<chat::LeaveAsked>(&*reply)) {
    command.emplace(chat::LeaveChat{.chat = to->chat, .user = user, .ticket = asked->ticket});
  }
  co_return command;
}

// Ends with the socket.
Task<void> wait_for_grace(EventCall& call) {
  if (call.core().leaves_waiting >= call.context().options.leaves_waiting_max) co_return;
  const Grace grace(call);
  co_await later(call, call.context().options.leave_grace_ms);
}

Handling leave(EventCall& call, Asks asks, ChatRef ref) {
  PendingLeaves::Mark mark;
  const Result<std::optional<chat::LeaveChat>> command = co_await ask_leave(call, asks, ref, mark);
  if (!command) co_return std::unexpected(command.error());
  if (!*command) co_return answer(call, false);
  co_await wait_for_grace(call);
  const chat::Reply reply = co_await submit(call, **command);
  if (!reply) {
    // Removed meanwhile: nothing is left to do.
    const ErrorCode code = reply.error().code;
    if (code == ErrorCode::kNotMember || code == ErrorCode::kForbidden) {
      co_return answer(call, false);
    }
    co_return std::unexpected(reply.error());
  }
  const bool left = std::get<chat::Left>(*reply).left;
  if (left) call.audit("audit_member_left", (*command)->user, (*command)->chat);
  co_return answer(call, left);
}

}  // namespace

Handling handle_leave_room(EventCall& call, json::Value payload) {
  const auto chat = parse_chat_ref(payload);
  if (!chat) return refused(chat.error());
  auto asks = call.asker().asks(payload, "userId", "userName");
  if (!asks) return refused(std::move(asks.error()));
  return leave(call, std::move(*asks), *chat);
}

}  // namespace maru::gateway
