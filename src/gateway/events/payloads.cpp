#include "gateway/events/payloads.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace maru::gateway {
namespace {

constexpr std::size_t kEpochBytesMax = 128;
constexpr std::size_t kCursorBytesMax = 512;

}  // namespace

Result<ChatRef> parse_chat_ref(json::Value payload) {
  auto id = optional_id<ChatId>(payload, "chatId");
  if (!id) return std::unexpected(std::move(id.error()));
  ChatRef chat{.id = *id};
  if (chat.id) return chat;
  for (const std::string_view field : {"number", "chatNumber"}) {
    const auto number = optional_room_number(payload, field);
    if (!number) return std::unexpected(number.error());
    chat.number = *number;
    if (chat.number) return chat;
  }
  return fail_field("chatId", "required", "Name the chat by chatId (or its room number).");
}

Result<SendMessagePayload> parse_send_message(json::Value payload) {
  auto chat = parse_chat_ref(payload);
  if (!chat) return std::unexpected(std::move(chat.error()));
  auto message = parse_message_draft(payload);
  if (!message) return std::unexpected(std::move(message.error()));
  return SendMessagePayload{*chat, std::move(*message)};
}

Result<SyncPayload> parse_sync(json::Value payload) {
  SyncPayload sync;
  auto epoch = optional_string(payload, "epoch", kEpochBytesMax);
  if (!epoch) return std::unexpected(std::move(epoch.error()));
  sync.epoch = std::move(*epoch);
  auto cursor = optional_string(payload, "cursor", kCursorBytesMax);
  if (!cursor) return std::unexpected(std::move(cursor.error()));
  if (*cursor) sync.cursor = std::move(**cursor);

  const json::Value chats = payload["chats"];
  if (chats.is_null()) return sync;
  if (!chats.is_object()) return wrong_type("chats", "an object of chat id to sequence");
  sync.chats.reserve(chats.size());
  std::optional<Error> error;
  chats.for_each_field([&](std::string_view key, json::Value value) {
    if (error) return;
    const auto id = ChatId::parse(key);
    const auto sequence = value.as_integer();
    if (!id) {
      error = std::move(bad_id("chats").error());
    } else if (!sequence || *sequence < 0) {
      error = std::move(wrong_type("chats", "an object of chat id to sequence").error());
    } else {
      sync.chats.emplace_back(*id, Sequence{static_cast<std::uint64_t>(*sequence)});
    }
  });
  if (error) return std::unexpected(std::move(*error));
  std::ranges::sort(sync.chats, {}, &std::pair<ChatId, Sequence>::first);
  // The same id in upper and lower case: two keys for the JSON reader, one chat for us.
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  if (std::ranges::adjacent_find(sync.chats, same) != sync.chats.end()) {
    return fail_field("chats", "duplicate", "A chat is named twice.");
  }
  return sync;
}

Result<std::vector<UserId>> parse_watch_presence(json::Value payload) {
  return user_id_array(payload, "userIds", limits::kWatchedUsersMax);
}

}  // namespace maru::gateway
