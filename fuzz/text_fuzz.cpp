// Messages, names and searches on any bytes: what is accepted keeps the promises of text/text.hpp,
// is accepted again unchanged, and a name is found by itself.
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/limits.hpp"
#include "check.hpp"
#include "text/text.hpp"

namespace {

using namespace maru;

std::string nfc_by_icu(std::string_view utf8) {
  UErrorCode status = U_ZERO_ERROR;
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  icu::Normalizer2::getNFCInstance(status)->normalizeUTF8(
      0, {utf8.data(), static_cast<std::int32_t>(utf8.size())}, sink, nullptr, status);
  MARU_FUZZ_CHECK(U_SUCCESS(status));
  return out;
}

void check_message(std::string_view raw) {
  const auto message = text::clean_message(raw);
  if (!message) {
    const ErrorCode code = message.error().code;
    MARU_FUZZ_CHECK(code == ErrorCode::kMessageTooLong || code == ErrorCode::kMessageBlank ||
                    code == ErrorCode::kNotText);
    MARU_FUZZ_CHECK(message.error().fields.size() == 1);
    return;
  }
  MARU_FUZZ_CHECK(text::is_valid_utf8(raw) && text::is_valid_utf8(*message));
  MARU_FUZZ_CHECK(text::count_code_points(*message) <= limits::kMessageCodePointsMax);
  MARU_FUZZ_CHECK(!text::is_blank(*message));
  MARU_FUZZ_CHECK(!message->contains('\r') && !message->contains('\0'));
  MARU_FUZZ_CHECK(nfc_by_icu(*message) == *message);
  MARU_FUZZ_CHECK(text::clean_message(*message).value() == *message);
}

void check_name(std::string_view raw) {
  const auto name = text::clean_chat_name(raw);
  const auto user_name = text::clean_user_name(raw);
  if (!name) {
    MARU_FUZZ_CHECK(!user_name);
    return;
  }
  MARU_FUZZ_CHECK(text::count_code_points(*name) <= limits::kChatNameCodePointsMax);
  MARU_FUZZ_CHECK(text::clean_chat_name(*name).value() == *name);
  const std::string folded = text::fold_name(*name);
  MARU_FUZZ_CHECK(!folded.empty() && text::is_valid_utf8(folded));
  MARU_FUZZ_CHECK(text::fold_name(folded) == folded);
  if (!user_name) return;
  MARU_FUZZ_CHECK(*user_name == *name);
  MARU_FUZZ_CHECK(text::count_code_points(*user_name) <= limits::kUserNameCodePointsMax);
  MARU_FUZZ_CHECK(!text::is_reserved_name(folded));
  const auto terms = text::name_search_terms(*user_name);
  MARU_FUZZ_CHECK(terms.size() <= 2 * limits::kUserNameCodePointsMax);
  const std::string query = text::name_search_query(*user_name);
  MARU_FUZZ_CHECK(query.empty() || std::ranges::any_of(terms, [&](const std::string& term) {
                    return term.starts_with(query);
                  }));
  for (const std::string& term : terms) {
    MARU_FUZZ_CHECK(!term.empty() && term.size() <= 768 && text::is_valid_utf8(term));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  check_message(raw);
  check_name(raw);
  MARU_FUZZ_CHECK(text::is_valid_utf8(text::name_search_query(raw)));
  (void)text::is_client_msg_id(raw);
  if (text::is_valid_utf8(raw)) MARU_FUZZ_CHECK(text::to_nfc(raw) == nfc_by_icu(raw));
  return 0;
}
