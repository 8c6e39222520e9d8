#include <array>

#include "wire/documents.hpp"

namespace maru::wire {
namespace {

enum class Retry : bool { kNo, kYes };

struct Row {
  ErrorCode code;
  int status;
  Retry retry;  // whether the same request may succeed later
  std::string_view title;
};

// The one table of statuses (product.md, "Errors"), in the order of ErrorCode.
constexpr std::array<Row, kErrorCodeCount> kRows = {{
    {ErrorCode::kInvalidJson, 400, Retry::kNo, "The body is not valid JSON"},
    {ErrorCode::kValidationFailed, 400, Retry::kNo, "A field is missing or invalid"},
    {ErrorCode::kUnauthenticated, 401, Retry::kNo, "Log in first"},
    {ErrorCode::kInvalidCredentials, 401, Retry::kNo, "The user name or password is wrong"},
    {ErrorCode::kForbidden, 403, Retry::kNo, "Not allowed"},
    {ErrorCode::kNotMember, 403, Retry::kNo, "Not a member of this chat"},
    {ErrorCode::kBanned, 403, Retry::kNo, "Banned from this chat"},
    {ErrorCode::kMuted, 403, Retry::kNo, "Muted in this chat"},
    {ErrorCode::kBlocked, 403, Retry::kNo, "Blocked by the other user"},
    {ErrorCode::kNotFound, 404, Retry::kNo, "Not found"},
    {ErrorCode::kNameTaken, 409, Retry::kNo, "The name is taken"},
    {ErrorCode::kChatFull, 409, Retry::kNo, "The chat is full"},
    {ErrorCode::kChatArchived, 409, Retry::kNo, "The chat is archived"},
    {ErrorCode::kMessageTooLong, 400, Retry::kNo, "The message is too long"},
    {ErrorCode::kMessageBlank, 400, Retry::kNo, "The message is blank"},
    {ErrorCode::kNotText, 400, Retry::kNo, "Only text can be sent"},
    {ErrorCode::kIdempotencyConflict, 409, Retry::kNo, "The id was used for another request"},
    {ErrorCode::kRateLimited, 429, Retry::kYes, "Too many requests"},
    {ErrorCode::kPayloadTooLarge, 413, Retry::kNo, "The body is too large"},
    {ErrorCode::kUnsupportedMediaType, 415, Retry::kNo, "The body must be application/json"},
    {ErrorCode::kMethodNotAllowed, 405, Retry::kNo, "The method is not allowed here"},
    {ErrorCode::kOverloaded, 503, Retry::kYes, "The server is overloaded"},
    {ErrorCode::kUnavailable, 503, Retry::kYes, "The service is unavailable"},
    {ErrorCode::kUnknown, 504, Retry::kYes, "The outcome is not known"},
    {ErrorCode::kInternal, 500, Retry::kNo, "Internal error"},
}};

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].code) != i) return false;
  }
  return true;
}
static_assert(rows_are_in_order());

const Row& row_of(ErrorCode code) {
  return kRows.at(static_cast<std::size_t>(code));
}

void write_count(json::Writer& out, std::int64_t count) {
  if (count < 0) {
    out.null();
  } else {
    out.integer(count);
  }
}

void write_fields(json::Writer& out, const std::vector<FieldError>& fields) {
  out.begin_array();
  for (const FieldError& field : fields) {
    out.begin_object();
    out.key("field").string(field.field);
    out.key("code").string(field.code);
    out.key("limit");
    write_count(out, field.limit);
    out.key("actual");
    write_count(out, field.actual);
    out.end_object();
  }
  out.end_array();
}

}  // namespace

int http_status(ErrorCode code) {
  return row_of(code).status;
}

bool is_retryable(ErrorCode code) {
  return row_of(code).retry == Retry::kYes;
}

void write_problem(json::Writer& out, const Error& error, std::string_view request_id) {
  const Row& row = row_of(error.code);
  const std::string_view code = to_string(error.code);
  const std::string_view detail = error.detail.empty() ? row.title : std::string_view(error.detail);

  constexpr std::string_view kTypePrefix = "urn:maru:problem:";
  std::string type;
  type.reserve(kTypePrefix.size() + code.size());
  type.append(kTypePrefix).append(code);

  out.begin_object();
  out.key("type").string(type);
  out.key("title").string(row.title);
  out.key("status").integer(std::int64_t{row.status});
  out.key("code").string(code);
  out.key("detail").string(detail);
  out.key("requestId");
  if (request_id.empty()) {
    out.null();
  } else {
    out.string(request_id);
  }
  out.key("retryable").boolean(is_retryable(error.code));
  out.key("retryAfterMs");
  if (error.retry_after_ms == 0) {
    out.null();
  } else {
    out.integer(std::int64_t{error.retry_after_ms});
  }
  out.key("errors");
  write_fields(out, error.fields);
  // The original's clients show this text.
  out.key("error").string(detail);
  out.end_object();
}

}  // namespace maru::wire
