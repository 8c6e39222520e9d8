// Typed reading of what clients send: paths, queries, JSON bodies. Strings only where a string is
// meant (quality.md 1, row 12), unknown fields are ignored (row 11). Errors are kValidationFailed
// with the field's name, unless said otherwise. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/secret.hpp"
#include "gateway/rest/call.hpp"
#include "json/reader.hpp"

namespace maru::gateway::rest {

// A body field that must be a string; the absent one and null are "required".
Result<std::string> required_string(const json::Value& body, std::string_view field);
// Absent and null are nothing.
Result<std::optional<std::string>> optional_string(const json::Value& body, std::string_view field);
// As those, for what must not stay in memory.
Result<Secret> required_secret(const json::Value& body, std::string_view field);
Result<std::optional<Secret>> optional_secret(const json::Value& body, std::string_view field);
Result<bool> optional_bool(const json::Value& body, std::string_view field, bool otherwise);
// An array of ids, duplicates dropped; the JSON's own bounds are the only ones.
Result<std::vector<UserId>> user_id_array(const json::Value& body, std::string_view field);

std::unexpected<Error> bad_id(std::string_view field);

template <class Id>
Result<Id> parse_id(std::string_view text, std::string_view field) {
  if (const auto id = Id::parse(text)) return *id;
  return bad_id(field);
}

template <class Id>
Result<std::optional<Id>> optional_id(const json::Value& body, std::string_view field) {
  auto text = optional_string(body, field);
  if (!text) return std::unexpected(std::move(text.error()));
  if (!*text) return std::optional<Id>();
  auto id = parse_id<Id>(**text, field);
  if (!id) return std::unexpected(std::move(id.error()));
  return std::optional<Id>(*id);
}

// A decimal integer of the query, of any length, clamped to min … max; `otherwise` when absent or
// empty.
Result<std::int64_t> query_integer(const Call& call, std::string_view name, std::int64_t min,
                                   std::int64_t max, std::int64_t otherwise);
Result<std::optional<std::int64_t>> optional_query_integer(const Call& call, std::string_view name,
                                                           std::int64_t min, std::int64_t max);

}  // namespace maru::gateway::rest
