// POST /chats/:chat/join, /chats/:chat/leave.
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "json/writer.hpp"
#include "wire/documents.hpp"

namespace maru::gateway::rest {
namespace {

struct Target {
  ChatId chat;
  Asks asks{Access::kActor};
};

Result<Target> target_of(const Call& call, const json::Value& body) {
  const auto chat = parse_id<ChatId>(call.parameter(0), "chat");
  if (!chat) return std::unexpected(chat.error());
  Target target{.chat = *chat};
  if (call.is_open() && body.present()) {
    const auto user = optional_id<UserId>(body, "userId");
    if (!user) return std::unexpected(user.error());
    target.asks.named.id = *user;
  }
  return target;
}

// {chat, sequence}: the head that the join itself is part of.
Answer joined_answer(const chat::Joined& joined) {
  const bool is_new = joined.sequence.value != 0;
  std::string json;
  json::Writer out(json);
  out.begin_object().key("chat");
  wire::write_chat(out, joined.document, wire::OwnerForm::kPopulated);
  out.key("sequence")
      .integer(is_new ? joined.sequence.value : joined.document.head.value)
      .end_object();
  return json_answer(std::move(json), is_new ? 201 : 200);
}

Answer left_answer(const chat::Left& left) {
  std::string json;
  json::Writer out(json);
  out.begin_object().key("left").boolean(left.left).key("sequence");
  if (left.left) {
    out.integer(left.sequence.value);
  } else {
    out.null();
  }
  out.end_object();
  return json_answer(std::move(json), left.left ? 201 : 200);
}

// Who asks, under the rate of those who come and go.
Task<Result<UserId>> admit_change(Call& call, Asks asks) {
  Result<Caller> caller = co_await known(call, asks);
  if (!caller) co_return std::unexpected(caller.error());
  const Toll of_user{Rate::kJoinsOfUser, RateLimiter::key_of(caller->user)};
  caller = co_await admit(call, std::move(asks), std::move(*caller), of_user);
  if (!caller) co_return std::unexpected(caller.error());
  co_return caller->user;
}

Answering join(Call& call, Target target) {
  const Result<UserId> user = co_await admit_change(call, std::move(target.asks));
  if (!user) co_return std::unexpected(user.error());
  const chat::JoinChat command{target.chat, *user};
  const chat::Reply reply = co_await submit(call, command);
  if (!reply) co_return std::unexpected(reply.error());
  const auto& joined = std::get<chat::Joined>(*reply);
  if (joined.sequence.value != 0) {
    call.audit("audit_member_joined", *user, joined.document.chat.id);
  }
  co_return joined_answer(joined);
}

Answering leave(Call& call, Target target) {
  const Result<UserId> user = co_await admit_change(call, std::move(target.asks));
  if (!user) co_return std::unexpected(user.error());
  const chat::LeaveChat command{target.chat, *user};
  const chat::Reply reply = co_await submit(call, command);
  if (!reply) co_return std::unexpected(reply.error());
  const auto& left = std::get<chat::Left>(*reply);
  if (left.left) call.audit("audit_member_left", *user, target.chat);
  co_return left_answer(left);
}

}  // namespace

Answering join_chat(Call& call, const json::Value& body) {
  auto target = target_of(call, body);
  if (!target) return refused(std::move(target.error()));
  return join(call, std::move(*target));
}

Answering leave_chat(Call& call, const json::Value& body) {
  auto target = target_of(call, body);
  if (!target) return refused(std::move(target.error()));
  return leave(call, std::move(*target));
}

}  // namespace maru::gateway::rest
