// joinRoom {chatId,number,userId?,userName?} → {chat,sequence}: every event after `sequence`
// follows on this socket, none up to it.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "chat/visibility.hpp"
#include "gateway/events/addressing.hpp"
#include "gateway/events/handlers.hpp"
#include "gateway/events/payloads.hpp"
#include "gateway/events/realtime_core.hpp"
#include "gateway/flow.hpp"
#include "gateway/pending_leaves.hpp"
#include "json/writer.hpp"
#include "wire/encoded_chat.hpp"

namespace maru::gateway {
namespace {

struct Seen {
  UserId user;
  wire::EncodedChatPtr chat;  // null for who is no member: the join answers with its own
  WallTime updated_at;
  Sequence head;
};

// Read anew where what is kept is none of that header's, of whose snapshot the answer is.
Result<wire::EncodedChatPtr> encode(chat::Snapshot& snapshot, const chat::ChatHeader& header,
                                    wire::EncodedChatPtr kept) {
  if (kept && kept->is_of(header)) return kept;
  const auto document = snapshot.find_chat(header.chat.id);
  if (!document) return std::unexpected(document.error());
  if (!*document) return chat::no_such_chat();
  return std::make_shared<const wire::EncodedChat>(**document, header.last_effect);
}

// The chat as that user may see it: one snapshot, so that the head is the boundary.
Result<Seen> look(chat::Snapshot& snapshot, const UserId& user, const ChatId& chat,
                  const wire::EncodedChatPtr& kept) {
  const auto header = snapshot.find_chat_header(chat);
  if (!header) return std::unexpected(header.error());
  if (!*header) return chat::no_such_chat();
  const auto is_member = snapshot.is_member(chat, user);
  if (!is_member) return std::unexpected(is_member.error());
  if (auto seen = chat::may_see((*header)->chat, *is_member); !seen) {
    return std::unexpected(std::move(seen.error()));
  }
  if (!*is_member) return Seen{.user = user};
  auto encoded = encode(snapshot, **header, kept);
  if (!encoded) return std::unexpected(std::move(encoded.error()));
  return Seen{user, std::move(*encoded), (*header)->chat.updated_at, (*header)->head};
}

Error too_many_chats() {
  Error error{ErrorCode::kValidationFailed, "This socket hears too many chats.", {}, 0};
  error.fields.push_back({"chatId", "too_many", limits::kChatsOfUserMax, -1});
  return error;
}

// Detached while we looked: the user was removed meanwhile, or too much was held.
Error changed_meanwhile() {
  return {ErrorCode::kUnavailable, "The chat changed meanwhile; join again.", {}, 0};
}

void answer(EventCall& call, const wire::EncodedChat& chat, WallTime updated_at, Sequence upto) {
  std::string out;
  if (call.wants_answer()) {
    json::Writer writer(out);
    writer.begin_array().begin_object().key("ok").boolean(true).key("chat");
    chat.write(writer, updated_at);
    writer.key("sequence").integer(upto.value).end_object().end_array();
  }
  call.acknowledge(out);
}

Result<void> complete(EventCall& call, PendingAttachment& attachment, const wire::EncodedChat& chat,
                      WallTime updated_at, Sequence upto) {
  if (!attachment.is_attached()) return std::unexpected(changed_meanwhile());
  answer(call, chat, updated_at, upto);
  attachment.settle(upto);
  return {};
}

// The sequencer decides: a join of somebody who is none, or one that a leave of theirs is near.
Handling become_member(EventCall& call, PendingAttachment& attachment, UserId user) {
  const chat::JoinChat command{.chat = attachment.chat(), .user = user};
  const chat::Reply reply = co_await submit(call, command);
  if (!reply) co_return std::unexpected(reply.error());
  const auto& [joined_at, document] = std::get<chat::Joined>(*reply);
  const wire::EncodedChat encoded(document, joined_at);
  Sequence upto = document.head;
  if (joined_at.value != 0) {
    call.audit("audit_member_joined", user, attachment.chat());
    // Everything from the own join record on follows.
    upto = Sequence{joined_at.value - 1};
  }
  co_return complete(call, attachment, encoded, document.chat.updated_at, upto);
}

Handling join(EventCall& call, Asks asks, ChatRef ref) {
  const NextEventsWait waiting(call);
  const Result<Addressed> to = co_await address(call, asks, ref);
  if (!to) co_return std::unexpected(to.error());
  const ChatId chat = to->chat;
  auto attachment = PendingAttachment::attach(call, chat);
  if (!attachment) co_return std::unexpected(too_many_chats());
  // Asked before the look and after it: a leave may be decided and gone in between.
  const PendingLeaves& leaves = call.context().pending_leaves;
  const bool was_leaving = leaves.may_have(to->user, chat);
  const wire::EncodedChatPtr kept = call.core().encoded_chats.find(chat);
  const Result<Seen> seen =
      co_await read_live(call, chat::Lane::kUrgent, std::vector<ChatId>(1, chat),
                         [&](chat::Snapshot& snapshot) -> Result<Seen> {
                           const auto caller = call.identify(snapshot, asks);
                           if (!caller) return std::unexpected(caller.error());
                           return look(snapshot, caller->user, chat, kept);
                         });
  if (!seen) co_return std::unexpected(seen.error());
  if (seen->chat) call.core().encoded_chats.keep(seen->chat);
  call.speak_for(seen->user);
  if (!seen->chat || was_leaving || leaves.may_have(seen->user, chat)) {
    co_return co_await become_member(call, *attachment, seen->user);
  }
  co_return complete(call, *attachment, *seen->chat, seen->updated_at, seen->head);
}

}  // namespace

Handling handle_join_room(EventCall& call, json::Value payload) {
  const auto chat = parse_chat_ref(payload);
  if (!chat) return refused(chat.error());
  auto asks = call.asker().asks(payload, "userId", "userName");
  if (!asks) return refused(std::move(asks.error()));
  return join(call, std::move(*asks), *chat);
}

}  // namespace maru::gateway
