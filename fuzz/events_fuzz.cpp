// The payloads of clients' events: any JSON gives a value within its bounds or a typed error.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/limits.hpp"
#include "check.hpp"
#include "gateway/events/payloads.hpp"
#include "gateway/events/sync_page.hpp"

namespace {

using namespace maru;
using namespace maru::gateway;

template <class T>
bool is_typed(const Result<T>& result) {
  return result || result.error().code == ErrorCode::kValidationFailed;
}

// Of `content` alone.
bool is_about_text(ErrorCode code) {
  return code == ErrorCode::kNotText || code == ErrorCode::kMessageBlank ||
         code == ErrorCode::kMessageTooLong;
}

void check_chat(const ChatRef& chat) {
  MARU_FUZZ_CHECK(chat.id || chat.number);
  MARU_FUZZ_CHECK(chat.id || chat.number->value >= 0);
}

void check_sync(const SyncPayload& sync) {
  for (std::size_t i = 1; i < sync.chats.size(); ++i) {
    MARU_FUZZ_CHECK(sync.chats[i - 1].first < sync.chats[i].first);
  }
  const auto cursor = decode_sync_cursor(sync.cursor);
  MARU_FUZZ_CHECK(is_typed(cursor));
  if (cursor && !sync.cursor.empty()) {
    MARU_FUZZ_CHECK(encode_sync_cursor(*cursor).size() == sync.cursor.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  json::Parser parser;
  const auto value = parser.parse({reinterpret_cast<const char*>(data), size});
  if (!value) return 0;
  MARU_FUZZ_CHECK(is_typed(require_object(*value, "payload")));

  const auto chat = parse_chat_ref(*value);
  MARU_FUZZ_CHECK(is_typed(chat));
  if (chat) check_chat(*chat);

  MARU_FUZZ_CHECK(is_typed(parse_named_user(*value, "userId", "userName")));
  MARU_FUZZ_CHECK(is_typed(parse_named_user(*value, "from", "fromUserName")));

  const auto message = parse_send_message(*value);
  MARU_FUZZ_CHECK(is_typed(message) || is_about_text(message.error().code));
  if (message) {
    check_chat(message->chat);
    MARU_FUZZ_CHECK(!message->message.client_msg_id ||
                    message->message.client_msg_id->size() <= limits::kClientMsgIdBytesMax);
  }

  const auto sync = parse_sync(*value);
  MARU_FUZZ_CHECK(is_typed(sync));
  if (sync) check_sync(*sync);

  const auto users = parse_watch_presence(*value);
  MARU_FUZZ_CHECK(is_typed(users));
  MARU_FUZZ_CHECK(!users || users->size() <= limits::kWatchedUsersMax);
  return 0;
}
