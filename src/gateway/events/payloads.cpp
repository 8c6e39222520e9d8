#include "gateway/events/payloads.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "base/limits.hpp"
#include "text/text.hpp"

namespace maru::gateway {
namespace {

constexpr std::size_t kNumberDigitsMax = 15;
constexpr std::size_t kRawNameBytesMax = 1024;
constexpr std::size_t kEpochBytesMax = 128;
constexpr std::size_t kCursorBytesMax = 512;

std::unexpected<Error> wrong_type(std::string_view field, std::string_view expected) {
  return fail_field(std::string(field), "type",
                    std::string(field) + " must be " + std::string(expected) + ".");
}

std::unexpected<Error> bad_id(std::string_view field) {
  return fail_field(std::string(field), "format",
                    std::string(field) + " must be 24 hexadecimal digits.");
}

std::unexpected<Error> too_long(std::string_view field, std::size_t limit, std::size_t actual) {
  Error error{ErrorCode::kValidationFailed, std::string(field) + " is too long.", {}, 0};
  error.fields.push_back({std::string(field), "too_long", static_cast<std::int64_t>(limit),
                          static_cast<std::int64_t>(actual)});
  return std::unexpected(std::move(error));
}

template <class Id>
Result<std::optional<Id>> parse_id(json::Value value, std::string_view field) {
  if (value.is_null()) return std::optional<Id>();
  const auto text = value.as_string();
  if (!text) return wrong_type(field, "a string");
  const auto id = Id::parse(*text);
  if (!id) return bad_id(field);
  return id;
}

Result<std::optional<std::string>> parse_text(json::Value value, std::string_view field,
                                              std::size_t bytes_max) {
  if (value.is_null()) return std::optional<std::string>();
  const auto text = value.as_string();
  if (!text) return wrong_type(field, "a string");
  if (text->size() > bytes_max) return too_long(field, bytes_max, text->size());
  return std::optional<std::string>(*text);
}

// The original's clients send room numbers as strings.
Result<ChatNumber> parse_number(json::Value value, std::string_view field) {
  std::int64_t number = 0;
  if (const auto integer = value.as_integer()) {
    number = *integer;
  } else if (const auto digits = value.as_string()) {
    const auto parsed =
        digits->size() > kNumberDigitsMax ? std::nullopt : parse_decimal<std::int64_t>(*digits);
    if (!parsed) return fail_field(std::string(field), "format", "A room number has digits only.");
    number = *parsed;
  } else {
    return wrong_type(field, "a room number");
  }
  if (number < 1) return fail_field(std::string(field), "range", "Room numbers begin at 1.");
  return ChatNumber{number};
}

}  // namespace

Result<void> require_object(json::Value payload) {
  if (payload.is_object()) return {};
  return fail(ErrorCode::kValidationFailed, "The payload must be an object.");
}

Result<ChatRef> parse_chat_ref(json::Value payload) {
  auto id = parse_id<ChatId>(payload["chatId"], "chatId");
  if (!id) return std::unexpected(std::move(id.error()));
  ChatRef chat{.id = *id};
  if (chat.id) return chat;
  for (const std::string_view field : {"number", "chatNumber"}) {
    const json::Value value = payload[field];
    if (value.is_null()) continue;
    auto number = parse_number(value, field);
    if (!number) return std::unexpected(std::move(number.error()));
    chat.number = *number;
    return chat;
  }
  return fail_field("chatId", "required", "Name the chat by chatId (or its room number).");
}

Result<NamedUser> parse_named_user(json::Value payload, std::string_view id_field,
                                   std::string_view name_field) {
  NamedUser named;
  auto id = parse_id<UserId>(payload[id_field], id_field);
  if (!id) return std::unexpected(std::move(id.error()));
  named.id = *id;
  auto name = parse_text(payload[name_field], name_field, kRawNameBytesMax);
  if (!name) return std::unexpected(std::move(name.error()));
  if (*name) named.name = std::move(**name);
  return named;
}

Result<SendMessagePayload> parse_send_message(json::Value payload) {
  SendMessagePayload message;
  auto chat = parse_chat_ref(payload);
  if (!chat) return std::unexpected(std::move(chat.error()));
  message.chat = *chat;

  const json::Value content = payload["content"];
  if (!content.present()) return fail_field("content", "required", "content is missing.");
  const auto text = content.as_string();
  if (!text) return wrong_type("content", "a string");
  message.content = *text;

  const json::Value client_msg_id = payload["clientMsgId"];
  if (!client_msg_id.is_null()) {
    const auto raw = client_msg_id.as_string();
    if (!raw) return wrong_type("clientMsgId", "a string");
    if (!text::is_client_msg_id(*raw)) {
      return fail_field("clientMsgId", "format",
                        "clientMsgId has 1 to 64 characters of A-Z a-z 0-9 _ -.");
    }
    message.client_msg_id = std::string(*raw);
  }
  return message;
}

Result<SyncPayload> parse_sync(json::Value payload) {
  SyncPayload sync;
  auto epoch = parse_text(payload["epoch"], "epoch", kEpochBytesMax);
  if (!epoch) return std::unexpected(std::move(epoch.error()));
  sync.epoch = std::move(*epoch);
  auto cursor = parse_text(payload["cursor"], "cursor", kCursorBytesMax);
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
  const json::Value ids = payload["userIds"];
  if (!ids.present()) return fail_field("userIds", "required", "userIds is missing.");
  if (!ids.is_array()) return wrong_type("userIds", "an array of user ids");
  if (ids.size() > limits::kWatchedUsersMax) {
    return too_long("userIds", limits::kWatchedUsersMax, ids.size());
  }
  std::vector<UserId> users;
  users.reserve(ids.size());
  std::optional<Error> error;
  ids.for_each_element([&](json::Value value) {
    if (error) return;
    const auto text = value.as_string();
    const auto id = text ? UserId::parse(*text) : std::nullopt;
    if (!id) {
      error = std::move(bad_id("userIds").error());
    } else if (std::ranges::find(users, *id) == users.end()) {
      users.push_back(*id);
    }
  });
  if (error) return std::unexpected(std::move(*error));
  return users;
}

}  // namespace maru::gateway
