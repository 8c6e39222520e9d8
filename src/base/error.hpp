// The one error type of the server and the stable codes that clients see (product.md, "Errors").
// Any thread. An Error is a value; it never carries message text, tokens or secrets.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace maru {

enum class ErrorCode : std::uint8_t {
  kInvalidJson,
  kValidationFailed,
  kUnauthenticated,
  kInvalidCredentials,
  kForbidden,
  kNotMember,
  kBanned,
  kMuted,
  kBlocked,
  kNotFound,
  kNameTaken,
  kChatFull,
  kChatArchived,
  kMessageTooLong,
  kMessageBlank,
  kNotText,
  kIdempotencyConflict,
  kRateLimited,
  kPayloadTooLarge,
  kUnsupportedMediaType,
  kMethodNotAllowed,
  kOverloaded,
  kUnavailable,  // certainly nothing happened
  kUnknown,      // it may have happened, or may yet
  kInternal,
};

inline constexpr int kErrorCodeCount = static_cast<int>(ErrorCode::kInternal) + 1;

// The code as clients see it: "invalid_json", "not_found", …
std::string_view to_string(ErrorCode code);

// One offending input field. `limit` and `actual` are numbers where the rule is a bound.
struct FieldError {
  std::string field;
  std::string code;          // e.g. "required", "type", "too_long", "format"
  std::int64_t limit = -1;   // -1: the rule has no number
  std::int64_t actual = -1;  // -1: not counted
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string detail;  // one English sentence for the client's developer
  std::vector<FieldError> fields;
  std::uint32_t retry_after_ms = 0;  // 0: unknown or not retryable
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string detail = {}) {
  return std::unexpected<Error>(Error{code, std::move(detail), {}, 0});
}

inline std::unexpected<Error> fail_field(std::string field, std::string rule, std::string detail) {
  return std::unexpected<Error>(Error{ErrorCode::kValidationFailed,
                                      std::move(detail),
                                      {FieldError{std::move(field), std::move(rule)}},
                                      0});
}

}  // namespace maru
