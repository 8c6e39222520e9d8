#include "gateway/fields.hpp"

#include <algorithm>
#include <utility>

#include "text/text.hpp"

namespace maru::gateway {
namespace {

constexpr std::size_t kNumberDigitsMax = 64;
constexpr std::size_t kRawNameBytesMax = 1024;
// Past it no room was ever given a number.
constexpr std::int64_t kRoomNumberMax = 100'000'000'000'000'000;

std::unexpected<Error> required_field(std::string_view field) {
  return fail_field(std::string(field), "required",
                    "The field " + std::string(field) + " is required.");
}

std::unexpected<Error> too_long(std::string_view field, std::size_t limit, std::size_t actual) {
  auto refusal =
      fail(ErrorCode::kValidationFailed, "The field " + std::string(field) + " is too long.");
  refusal.error().fields.push_back({std::string(field), "too_long",
                                    static_cast<std::int64_t>(limit),
                                    static_cast<std::int64_t>(actual)});
  return refusal;
}

template <class Text>
Result<std::optional<Text>> optional(const json::Value& object, std::string_view field) {
  const json::Value value = object[field];
  if (value.is_null()) return std::optional<Text>();
  const auto text = value.as_string();
  if (!text) return wrong_type(field, "a string");
  return std::optional<Text>(*text);
}

template <class Text>
Result<Text> required(const json::Value& object, std::string_view field) {
  auto text = optional<Text>(object, field);
  if (!text) return std::unexpected(std::move(text.error()));
  if (!*text) return required_field(field);
  return std::move(**text);
}

Result<std::string> parse_content(const json::Value& object) {
  const json::Value content = object["content"];
  if (content.is_null()) return required_field("content");
  const auto text = content.as_string();
  if (text) return text::clean_message(*text);
  return std::unexpected(Error{ErrorCode::kNotText,
                               "A message is text: the field content must be a string.",
                               {{"content", "type"}},
                               0});
}

std::unexpected<Error> no_room_number(std::string_view field) {
  return fail_field(std::string(field), "format", "A room number has digits only.");
}

}  // namespace

std::unexpected<Error> wrong_type(std::string_view field, std::string_view wanted) {
  return fail_field(std::string(field), "type",
                    "The field " + std::string(field) + " must be " + std::string(wanted) + '.');
}

std::unexpected<Error> bad_id(std::string_view field) {
  return fail_field(std::string(field), "format",
                    "The field " + std::string(field) + " must be 24 hexadecimal digits.");
}

Result<void> require_object(const json::Value& value, std::string_view what) {
  if (value.is_object()) return {};
  return fail_field(std::string(what), "type",
                    "The " + std::string(what) + " must be a JSON object.");
}

Result<std::string> required_string(const json::Value& object, std::string_view field) {
  return required<std::string>(object, field);
}

Result<std::optional<std::string>> optional_string(const json::Value& object,
                                                   std::string_view field) {
  return optional<std::string>(object, field);
}

Result<std::optional<std::string>> optional_string(const json::Value& object,
                                                   std::string_view field, std::size_t bytes_max) {
  auto text = optional<std::string>(object, field);
  if (text && *text && (*text)->size() > bytes_max) {
    return too_long(field, bytes_max, (*text)->size());
  }
  return text;
}

Result<Secret> required_secret(const json::Value& object, std::string_view field) {
  return required<Secret>(object, field);
}

Result<std::optional<Secret>> optional_secret(const json::Value& object, std::string_view field) {
  return optional<Secret>(object, field);
}

Result<bool> optional_bool(const json::Value& object, std::string_view field, bool otherwise) {
  const json::Value value = object[field];
  if (value.is_null()) return otherwise;
  const auto flag = value.as_bool();
  if (!flag) return wrong_type(field, "true or false");
  return *flag;
}

Result<std::vector<UserId>> user_id_array(const json::Value& object, std::string_view field) {
  return user_id_array(object, field, static_cast<std::size_t>(-1));
}

Result<std::vector<UserId>> user_id_array(const json::Value& object, std::string_view field,
                                          std::size_t count_max) {
  const json::Value value = object[field];
  if (value.is_null()) return required_field(field);
  if (!value.is_array()) return wrong_type(field, "an array of user ids");
  if (value.size() > count_max) return too_long(field, count_max, value.size());
  std::vector<UserId> ids;
  bool all_strings = true;
  bool all_ids = true;
  value.for_each_element([&](const json::Value& element) {
    const auto text = element.as_string();
    all_strings = all_strings && text;
    const auto id = text ? UserId::parse(*text) : std::nullopt;
    all_ids = all_ids && id;
    if (id && std::ranges::find(ids, *id) == ids.end()) ids.push_back(*id);
  });
  if (!all_strings) return wrong_type(field, "an array of user ids");
  if (!all_ids) return bad_id(field);
  return ids;
}

Result<ChatNumber> parse_room_number(std::string_view text, std::string_view field) {
  if (text.empty() || text.size() > kNumberDigitsMax) return no_room_number(field);
  std::int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return no_room_number(field);
    if (value < kRoomNumberMax) value = value * 10 + (c - '0');
  }
  return ChatNumber{value < kRoomNumberMax ? value : 0};
}

Result<std::optional<ChatNumber>> optional_room_number(const json::Value& object,
                                                       std::string_view field) {
  const json::Value value = object[field];
  if (value.is_null()) return std::optional<ChatNumber>();
  if (const auto integer = value.as_integer()) {
    if (*integer < 0) return no_room_number(field);
    return std::optional(ChatNumber{*integer < kRoomNumberMax ? *integer : 0});
  }
  const auto digits = value.as_string();
  if (!digits) return wrong_type(field, "a room number");
  const auto number = parse_room_number(*digits, field);
  if (!number) return std::unexpected(number.error());
  return std::optional(*number);
}

Result<NamedUser> parse_named_user(const json::Value& object, std::string_view id_field,
                                   std::string_view name_field) {
  NamedUser named;
  const auto id = optional_id<UserId>(object, id_field);
  if (!id) return std::unexpected(id.error());
  named.id = *id;
  auto name = optional_string(object, name_field, kRawNameBytesMax);
  if (!name) return std::unexpected(std::move(name.error()));
  if (*name) named.name = std::move(**name);
  return named;
}

std::unexpected<Error> no_such_user(std::string_view field) {
  auto refusal = fail(ErrorCode::kNotFound, "There is no such user.");
  if (!field.empty()) refusal.error().fields.push_back({std::string(field), "unknown"});
  return refusal;
}

Result<MessageDraft> parse_message_draft(const json::Value& object) {
  auto content = parse_content(object);
  if (!content) return std::unexpected(std::move(content.error()));
  auto id = optional_string(object, "clientMsgId");
  if (!id) return std::unexpected(std::move(id.error()));
  if (*id && !text::is_client_msg_id(**id)) {
    return fail_field("clientMsgId", "format", "A clientMsgId has 1 to 64 of A-Z a-z 0-9 _ and -.");
  }
  return MessageDraft{std::move(*content), std::move(*id)};
}

}  // namespace maru::gateway
