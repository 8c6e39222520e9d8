// POST /chats/:chat/join, /chats/:chat/leave.
#include "base/log.hpp"
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "gateway/rest/visibility.hpp"
#include "json/writer.hpp"
#include "wire/documents.hpp"

namespace maru::gateway::rest {
namespace {

struct Target {
  ChatId chat;
  Named named;
};

Result<Target> target_of(const Call& call, const json::Value& body) {
  const auto chat = parse_id<ChatId>(call.parameter(0), "chat");
  if (!chat) return std::unexpected(chat.error());
  Target target{*chat, {}};
  if (call.is_open() && body.present()) {
    const auto user = optional_id<UserId>(body, "userId");
    if (!user) return std::unexpected(user.error());
    target.named.user = *user;
  }
  return target;
}

void log_change(const Call& call, const char* event, const UserId& user, const ChatId& chat) {
  log::audit(event, {{"user", user.hex()},
                     {"chat", chat.hex()},
                     {"ip", call.head().peer_address},
                     {"request_id", call.request_id()}});
}

// {chat, sequence}: the head that the join itself is part of.
void answer_joined(const CallPtr& call, const chat::Joined& joined) {
  const bool is_new = joined.sequence.value != 0;
  std::string json;
  json::Writer out(json);
  out.begin_object().key("chat");
  wire::write_chat(out, joined.document, wire::OwnerForm::kPopulated);
  out.key("sequence")
      .integer(is_new ? joined.sequence.value : joined.document.head.value)
      .end_object();
  call->answer(json_answer(std::move(json), is_new ? 201 : 200));
}

void answer_left(const CallPtr& call, const chat::Left& left) {
  std::string json;
  json::Writer out(json);
  out.begin_object().key("left").boolean(left.left).key("sequence");
  if (left.left) {
    out.integer(left.sequence.value);
  } else {
    out.null();
  }
  out.end_object();
  call->answer(json_answer(std::move(json), left.left ? 201 : 200));
}

void submit_join(const CallPtr& call, const ChatId& chat, const Caller& caller) {
  submit(call, chat::JoinChat{chat, caller.user}, [call, caller](chat::ReplyBody&& reply) {
    const auto& joined = std::get<chat::Joined>(reply);
    if (joined.sequence.value != 0) {
      log_change(*call, "audit_member_joined", caller.user, joined.document.chat.id);
    }
    answer_joined(call, joined);
  });
}

void submit_leave(const CallPtr& call, const ChatId& chat, const Caller& caller) {
  const UserId user = caller.user;
  submit(call, chat::LeaveChat{chat, user}, [call, user, chat](chat::ReplyBody&& reply) {
    const auto& left = std::get<chat::Left>(reply);
    if (left.left) log_change(*call, "audit_member_left", user, chat);
    answer_left(call, left);
  });
}

using Submit = void (*)(const CallPtr& call, const ChatId& chat, const Caller& caller);

void change_membership(const CallPtr& call, const json::Value& body, Submit submit_change) {
  auto target = target_of(*call, body);
  if (!target) return call->problem(target.error());
  decide(call, Access::kActor, target->named,
         [call, chat = target->chat, submit_change](chat::Snapshot& snapshot, Caller&& caller) {
           const Toll of_user{Rate::kJoinsOfUser, RateLimiter::key_of(caller.user)};
           admit(call, snapshot, std::move(caller), {of_user},
                 [=](chat::Snapshot&, Caller&& admitted) { submit_change(call, chat, admitted); });
         });
}

}  // namespace

void join_chat(CallPtr call, const json::Value& body) {
  change_membership(call, body, submit_join);
}

void leave_chat(CallPtr call, const json::Value& body) {
  change_membership(call, body, submit_leave);
}

}  // namespace maru::gateway::rest
