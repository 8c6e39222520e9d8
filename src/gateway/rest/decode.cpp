#include "gateway/rest/decode.hpp"

#include <algorithm>

namespace maru::gateway::rest {
namespace {

std::unexpected<Error> wrong_type(std::string_view field, const char* wanted) {
  return fail_field(std::string(field), "type",
                    "The field " + std::string(field) + " must be " + wanted + '.');
}

// Nothing when the text is not an integer; what does not fit is clamped.
std::optional<std::int64_t> parse_clamped(std::string_view text, std::int64_t min,
                                          std::int64_t max) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > 64) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    if (value < 1'000'000'000'000'000) value = value * 10 + (c - '0');
  }
  return std::clamp(negative ? -value : value, min, max);
}

template <class Text>
Result<std::optional<Text>> optional(const json::Value& body, std::string_view field) {
  const json::Value value = body[field];
  if (!value.present() || value.is_null()) return std::optional<Text>();
  const auto text = value.as_string();
  if (!text) return wrong_type(field, "a string");
  return std::optional<Text>(*text);
}

template <class Text>
Result<Text> required(const json::Value& body, std::string_view field) {
  auto text = optional<Text>(body, field);
  if (!text) return std::unexpected(std::move(text.error()));
  if (!*text) {
    return fail_field(std::string(field), "required",
                      "The field " + std::string(field) + " is required.");
  }
  return std::move(**text);
}

}  // namespace

std::unexpected<Error> bad_id(std::string_view field) {
  return fail_field(std::string(field), "format",
                    "The field " + std::string(field) + " must be 24 hexadecimal digits.");
}

Result<std::string> required_string(const json::Value& body, std::string_view field) {
  return required<std::string>(body, field);
}

Result<std::optional<std::string>> optional_string(const json::Value& body,
                                                   std::string_view field) {
  return optional<std::string>(body, field);
}

Result<Secret> required_secret(const json::Value& body, std::string_view field) {
  return required<Secret>(body, field);
}

Result<std::optional<Secret>> optional_secret(const json::Value& body, std::string_view field) {
  return optional<Secret>(body, field);
}

Result<bool> optional_bool(const json::Value& body, std::string_view field, bool otherwise) {
  const json::Value value = body[field];
  if (!value.present() || value.is_null()) return otherwise;
  const auto flag = value.as_bool();
  if (!flag) return wrong_type(field, "true or false");
  return *flag;
}

Result<std::vector<UserId>> user_id_array(const json::Value& body, std::string_view field) {
  const json::Value value = body[field];
  if (!value.present() || value.is_null()) {
    return fail_field(std::string(field), "required",
                      "The field " + std::string(field) + " is required.");
  }
  if (!value.is_array()) return wrong_type(field, "an array of user ids");
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

Result<std::int64_t> query_integer(const Call& call, std::string_view name, std::int64_t min,
                                   std::int64_t max, std::int64_t otherwise) {
  auto value = optional_query_integer(call, name, min, max);
  if (!value) return std::unexpected(std::move(value.error()));
  return value->value_or(otherwise);
}

Result<std::optional<std::int64_t>> optional_query_integer(const Call& call, std::string_view name,
                                                           std::int64_t min, std::int64_t max) {
  const net::QueryValue value = call.query(name);
  if (!value.found || value.value.empty()) return std::optional<std::int64_t>();
  auto number = parse_clamped(value.value, min, max);
  if (!number) {
    return fail_field(std::string(name), "type",
                      "The parameter " + std::string(name) + " must be an integer.");
  }
  return number;
}

}  // namespace maru::gateway::rest
