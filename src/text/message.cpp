#include <algorithm>
#include <utility>

#include "base/limits.hpp"
#include "text/text.hpp"
#include "text/unicode.hpp"
#include "text/utf8.hpp"

namespace maru::text {
namespace {

// No character decomposes canonically into more than four code points, so a text that has more
// than four times as many as allowed stays too long whatever NFC composes.
constexpr std::size_t kDecomposedMax = 4;

std::unexpected<Error> refuse_length(std::string rule, std::string detail, std::size_t limit,
                                     std::size_t actual) {
  return std::unexpected(
      Error{ErrorCode::kMessageTooLong,
            std::move(detail),
            {FieldError{"content", std::move(rule), static_cast<std::int64_t>(limit),
                        static_cast<std::int64_t>(actual)}},
            0});
}

std::unexpected<Error> refuse_text(ErrorCode code, std::string rule, std::string detail) {
  return std::unexpected(
      Error{code, std::move(detail), {FieldError{"content", std::move(rule)}}, 0});
}

// CRLF and CR become LF.
std::string with_line_feeds(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      out.push_back(text[i]);
    } else if (i + 1 == text.size() || text[i + 1] != '\n') {
      out.push_back('\n');
    }
  }
  return out;
}

}  // namespace

std::string to_nfc(std::string_view utf8) {
  const utf8::Scan scan = utf8::scan(utf8);
  return scan.may_need_nfc ? normalize_nfc(utf8) : std::string(utf8);
}

bool is_blank(std::string_view utf8) {
  for (std::size_t at = 0; at < utf8.size();) {
    const char32_t c = utf8::decode(utf8, at);
    if (c > ' ' && c < 0x7F) return false;
    if (!is_unseen(c)) return false;
  }
  return true;
}

Result<std::string> clean_message(std::string_view raw) {
  if (raw.size() > limits::kMessageRawBytesMax) {
    return refuse_length("too_many_bytes", "The text has more than 16 KiB.",
                         limits::kMessageRawBytesMax, raw.size());
  }
  const utf8::Scan scan = utf8::scan(raw);
  if (!scan.valid) return refuse_text(ErrorCode::kNotText, "utf8", "The text is not valid UTF-8.");
  if (scan.has_control) {
    return refuse_text(ErrorCode::kNotText, "control_character",
                       "The text has a control character other than line feed and tab.");
  }
  std::string text = scan.has_carriage_return ? with_line_feeds(raw) : std::string(raw);
  // Only line feeds that came as CRLF are gone.
  std::size_t code_points = scan.code_points - (raw.size() - text.size());
  if (scan.may_need_nfc && code_points <= kDecomposedMax * limits::kMessageCodePointsMax) {
    text = normalize_nfc(text);
    code_points = count_code_points(text);
  }
  if (code_points > limits::kMessageCodePointsMax) {
    return refuse_length("too_long", "The text has more than 1,000 characters.",
                         limits::kMessageCodePointsMax, code_points);
  }
  if (is_blank(text)) {
    return refuse_text(ErrorCode::kMessageBlank, "blank", "The text has nothing to see.");
  }
  return text;
}

bool is_client_msg_id(std::string_view raw) {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return !raw.empty() && raw.size() <= limits::kClientMsgIdBytesMax &&
         std::ranges::all_of(raw, allowed);
}

}  // namespace maru::text
