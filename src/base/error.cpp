#include "base/error.hpp"

#include <array>

namespace maru {
namespace {
constexpr std::array<std::string_view, kErrorCodeCount> kNames = {
    "invalid_json",
    "validation_failed",
    "unauthenticated",
    "invalid_credentials",
    "forbidden",
    "not_member",
    "banned",
    "muted",
    "blocked",
    "not_found",
    "name_taken",
    "chat_full",
    "chat_archived",
    "message_too_long",
    "message_blank",
    "not_text",
    "idempotency_conflict",
    "rate_limited",
    "payload_too_large",
    "unsupported_media_type",
    "method_not_allowed",
    "overloaded",
    "unavailable",
    "unknown",
    "internal",
};
}  // namespace

std::string_view to_string(ErrorCode code) {
  return kNames.at(static_cast<std::size_t>(code));
}

}  // namespace maru
