// GET /messages/:chat?before=|after=|around=&limit=: a page of history, ascending.
#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/limits.hpp"
#include "gateway/rest/answer_room.hpp"
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "gateway/rest/history_page.hpp"
#include "gateway/rest/visibility.hpp"

namespace maru::gateway::rest {
namespace {

struct Page {
  ChatId chat;
  chat::RecordRange range = chat::RecordRange::kNewest;
  Sequence anchor;
  std::size_t limit = limits::kHistoryPageMax;
};

Result<Page> decode_page(const Call& call) {
  const auto chat = parse_id<ChatId>(call.parameter(0), "chat");
  if (!chat) return std::unexpected(chat.error());
  Page page{.chat = *chat};
  const auto limit =
      query_integer(call, "limit", 1, limits::kHistoryPageMax, limits::kHistoryPageMax);
  if (!limit) return std::unexpected(limit.error());
  page.limit = static_cast<std::size_t>(*limit);
  static constexpr std::pair<const char*, chat::RecordRange> kRanges[] = {
      {"before", chat::RecordRange::kBefore},
      {"after", chat::RecordRange::kAfter},
      {"around", chat::RecordRange::kAround}};
  int given = 0;
  for (const auto& [name, range] : kRanges) {
    const auto anchor = optional_query_integer(call, name, 0, std::int64_t{1} << 53);
    if (!anchor) return std::unexpected(anchor.error());
    if (!*anchor) continue;
    if (++given > 1) {
      return fail_field(name, "conflict", "Give one of before, after and around.");
    }
    page.range = range;
    page.anchor = Sequence{static_cast<std::uint64_t>(**anchor)};
  }
  return page;
}

// Whether there is more in the direction in which the page was asked for.
bool has_more(chat::RecordRange range, Sequence first, Sequence last, Sequence head) {
  switch (range) {
    case chat::RecordRange::kAfter:
      return last.value < head.value;
    case chat::RecordRange::kAround:
      return first.value > 1 || last.value < head.value;
    default:
      return first.value > 1;
  }
}

// At most, when it is answered.
std::size_t bytes_of(const Page& page) {
  constexpr std::size_t kLongestMessage = limits::kMessageCodePointsMax * 6 + 1'024;
  return std::min(page.limit * kLongestMessage, limits::kHistoryPageBytesMax);
}

// A message of a line or two, so that a page seldom grows its answer.
constexpr std::size_t kMessageBytes = 640;

Result<Answer> page_answer(chat::Snapshot& snapshot, const chat::ChatHeader& header,
                           const Page& page) {
  HistoryPage messages(page.range, page.anchor, limits::kHistoryPageBytesMax);
  messages.reserve(std::min<std::uint64_t>(page.limit, header.head.value) * kMessageBytes + 2);
  const auto visited =
      snapshot.visit_records(header.chat.id, page.range, page.anchor, page.limit,
                             [&](const chat::Record& record) { messages.add(record); });
  if (!visited) return std::unexpected(visited.error());
  Answer answer;
  answer.body = messages.finish();
  const Sequence first = messages.first();
  const Sequence last = messages.last();
  const bool more = last.value != 0 && has_more(page.range, first, last, header.head);
  answer.fields = {{"X-First-Sequence", std::to_string(first.value)},
                   {"X-Last-Sequence", std::to_string(last.value)},
                   {"X-Has-More", more ? "true" : "false"}};
  return answer;
}

Answering list(Call& call, Page page) {
  co_return co_await read_much(
      call, Asks(Access::kReader), Much(bytes_of(page), Rate::kHistoryOfUser),
      [&](chat::Snapshot& snapshot, Caller& caller) -> Result<Answer> {
        const auto header = find_visible_chat(snapshot, call, caller, page.chat);
        if (!header) return std::unexpected(header.error());
        return page_answer(snapshot, *header, page);
      });
}

}  // namespace

Answering list_messages(Call& call, const json::Value&) {
  const auto page = decode_page(call);
  if (!page) return refused(page.error());
  return list(call, *page);
}

}  // namespace maru::gateway::rest
