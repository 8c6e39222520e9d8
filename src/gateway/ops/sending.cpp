#include "gateway/ops/sending.hpp"

#include <utility>

namespace maru::gateway {

Result<Sending> look_at_sending(chat::Snapshot& snapshot, const Caller& from, const ChatId& chat) {
  const auto is_member = snapshot.is_member(chat, from.user);
  if (!is_member) return std::unexpected(is_member.error());
  return Sending{from.user, chat, *is_member};
}

Tolls tolls_of(const Sending& sending) {
  const Toll of_user{Rate::kMessagesOfUser, RateLimiter::key_of(sending.from)};
  if (!sending.is_member) return of_user;
  return {of_user, {Rate::kMessagesOfRoom, RateLimiter::key_of(sending.chat)}};
}

chat::SendMessage command_of(const Sending& sending, MessageDraft&& message) {
  return {.chat = sending.chat,
          .from = sending.from,
          .content = std::move(message.content),
          .client_msg_id = std::move(message.client_msg_id)};
}

}  // namespace maru::gateway
