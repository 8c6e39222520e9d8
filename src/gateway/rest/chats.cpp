// GET /chats, /chats/one-to-one/:userId, /chats/group/:userId, /chats/:number.
#include "base/limits.hpp"
#include "gateway/rest/answer_room.hpp"
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "gateway/rest/visibility.hpp"
#include "json/writer.hpp"
#include "wire/documents.hpp"

namespace maru::gateway::rest {
namespace {

constexpr std::int64_t kPageMax = 1'000'000'000;

struct Page {
  std::size_t number = 1;
  std::size_t limit = 1;
};

Result<Page> page_of(const Call& call, std::int64_t default_limit) {
  const auto number = query_integer(call, "page", 1, kPageMax, 1);
  if (!number) return std::unexpected(number.error());
  const auto limit = query_integer(call, "limit", 1, limits::kPageLimitMax, default_limit);
  if (!limit) return std::unexpected(limit.error());
  return Page{static_cast<std::size_t>(*number), static_cast<std::size_t>(*limit)};
}

void write_chats(json::Writer& out, const std::vector<chat::ChatDocument>& chats) {
  out.begin_array();
  for (const chat::ChatDocument& document : chats) {
    wire::write_chat(out, document, wire::OwnerForm::kPopulated);
  }
  out.end_array();
}

Result<Answer> envelope(const Result<chat::ChatPage>& found, const Page& page) {
  if (!found) return std::unexpected(found.error());
  std::string json;
  json::Writer out(json);
  out.begin_object().key("chats");
  write_chats(out, found->chats);
  out.key("totalPages").integer(std::uint64_t{(found->total + page.limit - 1) / page.limit});
  out.key("currentPage").integer(std::uint64_t{page.number});
  out.end_object();
  return json_answer(std::move(json));
}

// Only one's own lists are shown; in open mode whoever is named is oneself.
Result<void> check_own(const Caller& caller, const UserId& user) {
  if (caller.user == user) return {};
  return fail(ErrorCode::kNotFound, "There is no such list of chats.");
}

// The newest of them: the original's call knows no pages, and /chats/mine has them all.
Result<Answer> newest_groups(chat::Snapshot& snapshot, const UserId& user) {
  auto chats = snapshot.list_group_chats(user, limits::kGroupListMax + 1);
  if (!chats) return std::unexpected(std::move(chats.error()));
  const bool more = chats->size() > limits::kGroupListMax;
  if (more) chats->pop_back();
  std::string json;
  json::Writer out(json);
  write_chats(out, *chats);
  Answer answer = json_answer(std::move(json));
  answer.fields.emplace_back("X-Has-More", more ? "true" : "false");
  return answer;
}

Answering public_groups(Call& call, Page page) {
  co_return co_await read_much(call, Asks(Access::kReader), Much(page.limit * kChatBytesMax),
                               [&](chat::Snapshot& snapshot, Caller&) -> Result<Answer> {
                                 return envelope(
                                     snapshot.list_public_groups(page.number, page.limit), page);
                               });
}

Answering personal_chats(Call& call, UserId user, Page page) {
  co_return co_await read_much(
      call, Asks(Access::kActor, Named(user, "userId")), Much(page.limit * kChatBytesMax),
      [&](chat::Snapshot& snapshot, Caller& caller) -> Result<Answer> {
        if (auto own = check_own(caller, user); !own) return std::unexpected(own.error());
        return envelope(snapshot.list_personal_chats(user, page.number, page.limit), page);
      });
}

Answering group_chats(Call& call, UserId user) {
  co_return co_await read_much(call, Asks(Access::kActor, Named(user, "userId")),
                               Much(limits::kGroupListMax * kChatBytesMax),
                               [&](chat::Snapshot& snapshot, Caller& caller) -> Result<Answer> {
                                 if (auto own = check_own(caller, user); !own)
                                   return std::unexpected(own.error());
                                 return newest_groups(snapshot, user);
                               });
}

Answering chat_by_number(Call& call, ChatNumber number) {
  co_return co_await read(call, Asks(Access::kReader),
                          [&](chat::Snapshot& snapshot, Caller& caller) -> Result<Answer> {
                            const auto found = snapshot.find_chat_by_number(number);
                            if (!found) return std::unexpected(found.error());
                            // The original answers null for a room that is not there.
                            if (!*found || !may_see(call, caller, **found))
                              return json_answer("null");
                            std::string json;
                            json::Writer out(json);
                            wire::write_chat_brief(out, **found);
                            return json_answer(std::move(json));
                          });
}

}  // namespace

Answering list_public_groups(Call& call, const json::Value&) {
  const auto page = page_of(call, 6);
  if (!page) return refused(page.error());
  return public_groups(call, *page);
}

Answering list_personal_chats(Call& call, const json::Value&) {
  const auto user = parse_id<UserId>(call.parameter(0), "userId");
  if (!user) return refused(user.error());
  const auto page = page_of(call, 4);
  if (!page) return refused(page.error());
  return personal_chats(call, *user, *page);
}

Answering list_group_chats(Call& call, const json::Value&) {
  const auto user = parse_id<UserId>(call.parameter(0), "userId");
  if (!user) return refused(user.error());
  return group_chats(call, *user);
}

Answering get_chat_by_number(Call& call, const json::Value&) {
  const auto number = parse_room_number(call.parameter(0), "number");
  if (!number) return refused(number.error());
  return chat_by_number(call, *number);
}

}  // namespace maru::gateway::rest
