#include "gateway/rest/decode.hpp"

#include <algorithm>
#include <string>

namespace maru::gateway::rest {
namespace {

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

}  // namespace

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
