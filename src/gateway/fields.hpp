// What a field of a client's JSON means, decided once for both front ends: an event's payload and a
// REST body are read by these functions and nothing else, so that a bad value gets the same code
// and names the same field with the same rule on both. Strings only where a string is meant
// (quality.md 1, row 12), unknown fields are ignored (row 11), null counts as absent. Errors are
// kValidationFailed with the field's name, unless said otherwise. Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/secret.hpp"
#include "json/reader.hpp"

namespace maru::gateway {

// `what` is the whole of it: "body", "payload".
[[nodiscard]] Result<void> require_object(const json::Value& value, std::string_view what);

// ---- texts ----
[[nodiscard]] Result<std::string> required_string(const json::Value& object,
                                                  std::string_view field);
[[nodiscard]] Result<std::optional<std::string>> optional_string(const json::Value& object,
                                                                 std::string_view field);
// `too_long` past `bytes_max`.
[[nodiscard]] Result<std::optional<std::string>> optional_string(const json::Value& object,
                                                                 std::string_view field,
                                                                 std::size_t bytes_max);
// As those, for what must not stay in memory.
[[nodiscard]] Result<Secret> required_secret(const json::Value& object, std::string_view field);
[[nodiscard]] Result<std::optional<Secret>> optional_secret(const json::Value& object,
                                                            std::string_view field);
[[nodiscard]] Result<bool> optional_bool(const json::Value& object, std::string_view field,
                                         bool otherwise);

// ---- ids and numbers ----
[[nodiscard]] std::unexpected<Error> wrong_type(std::string_view field, std::string_view wanted);
[[nodiscard]] std::unexpected<Error> bad_id(std::string_view field);

template <class Id>
[[nodiscard]] Result<Id> parse_id(std::string_view text, std::string_view field) {
  if (const auto id = Id::parse(text)) return *id;
  return bad_id(field);
}

template <class Id>
[[nodiscard]] Result<std::optional<Id>> optional_id(const json::Value& object,
                                                    std::string_view field) {
  const json::Value value = object[field];
  if (value.is_null()) return std::optional<Id>();
  const auto text = value.as_string();
  if (!text) return wrong_type(field, "a string");
  auto id = parse_id<Id>(*text, field);
  if (!id) return std::unexpected(std::move(id.error()));
  return std::optional<Id>(*id);
}

// An array of ids, duplicates dropped. The JSON's own bounds are the only ones, or: `too_long` for
// an array of more than `count_max`, duplicates counted.
[[nodiscard]] Result<std::vector<UserId>> user_id_array(const json::Value& object,
                                                        std::string_view field);
[[nodiscard]] Result<std::vector<UserId>> user_id_array(const json::Value& object,
                                                        std::string_view field,
                                                        std::size_t count_max);

// Digits only; 0 for what was never given: nothing, or past all that can be.
[[nodiscard]] Result<ChatNumber> parse_room_number(std::string_view text, std::string_view field);
// A number, or a string of its digits, as the original's clients send it.
[[nodiscard]] Result<std::optional<ChatNumber>> optional_room_number(const json::Value& object,
                                                                     std::string_view field);

// ---- whom and what ----
// Someone whom a request names. Believed in open mode only; never even read in accounts.
struct NamedUser {
  std::optional<UserId> id;
  std::string name;  // raw; only looked at without an id
  [[nodiscard]] bool empty() const { return !id && name.empty(); }
};
[[nodiscard]] Result<NamedUser> parse_named_user(const json::Value& object,
                                                 std::string_view id_field,
                                                 std::string_view name_field);
// kNotFound. For `field`, if a field of the request named the user.
[[nodiscard]] std::unexpected<Error> no_such_user(std::string_view field = {});

// What is to be sent, the same by every way. Errors: kNotText (a `content` that is no string, or
// holds what no text does), kMessageBlank, kMessageTooLong, kValidationFailed.
struct MessageDraft {
  std::string content;  // clean_message
  std::optional<std::string> client_msg_id;
};
[[nodiscard]] Result<MessageDraft> parse_message_draft(const json::Value& object);

}  // namespace maru::gateway
