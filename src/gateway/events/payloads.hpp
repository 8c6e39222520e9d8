// The payloads of the clients' events as values (product.md, "Realtime"). Unknown fields are
// ignored; a field of the wrong type is kValidationFailed with its name; null counts as absent.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/id.hpp"
#include "json/reader.hpp"

namespace maru::gateway {

// A chat as clients name it: by id, else by room number (a number, or a string of its digits).
struct ChatRef {
  std::optional<ChatId> id;
  std::optional<ChatNumber> number;  // only looked at without an id
};
// `chatId`, else `number`, else `chatNumber`; one of them must be there.
[[nodiscard]] Result<ChatRef> parse_chat_ref(json::Value payload);

// A user whom a payload names. Believed in open mode only; never even parsed in accounts.
struct NamedUser {
  std::optional<UserId> id;
  std::string name;  // raw; only looked at without an id
  [[nodiscard]] bool empty() const { return !id && name.empty(); }
};
[[nodiscard]] Result<NamedUser> parse_named_user(json::Value payload, std::string_view id_field,
                                                 std::string_view name_field);

struct SendMessagePayload {
  ChatRef chat;
  std::string content;  // raw
  std::optional<std::string> client_msg_id;
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

// The one argument that every event has.
[[nodiscard]] Result<void> require_object(json::Value payload);

}  // namespace maru::gateway
