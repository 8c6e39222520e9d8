// The payloads of the clients' events as values (product.md, "Realtime"), field by field as
// gateway/fields.hpp reads them. Pure.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/id.hpp"
#include "gateway/fields.hpp"
#include "json/reader.hpp"

namespace maru::gateway {

// A chat as clients name it: by id, else by room number (a number, or a string of its digits).
struct ChatRef {
  std::optional<ChatId> id;
  std::optional<ChatNumber> number;  // only looked at without an id
};
// `chatId`, else `number`, else `chatNumber`; one of them must be there.
[[nodiscard]] Result<ChatRef> parse_chat_ref(json::Value payload);

struct SendMessagePayload {
  ChatRef chat;
  MessageDraft message;
};
[[nodiscard]] Result<SendMessagePayload> parse_send_message(json::Value payload);

struct SyncPayload {
  std::optional<std::string> epoch;
  std::vector<std::pair<ChatId, Sequence>> chats;  // ascending by id
  std::string cursor;                              // empty: the first page
};
[[nodiscard]] Result<SyncPayload> parse_sync(json::Value payload);

// Unique, in the order given; ≤ kWatchedUsersMax.
[[nodiscard]] Result<std::vector<UserId>> parse_watch_presence(json::Value payload);
}  // namespace maru::gateway
