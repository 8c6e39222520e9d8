// GET /chats/mine?cursor=&limit=: one's chats with their last message and who is online.
#include "base/limits.hpp"
#include "gateway/flow.hpp"
#include "gateway/rest/answer_room.hpp"
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "json/writer.hpp"
#include "wire/documents.hpp"

namespace maru::gateway::rest {
namespace {

constexpr std::int64_t kLimitDefault = 20;
constexpr std::int64_t kLimitMax = 50;  // of up to 100 members each
constexpr std::size_t kCursorBytesMax = 64;

const char* to_string(chat::Role role) {
  switch (role) {
    case chat::Role::kOwner:
      return "owner";
    case chat::Role::kAdmin:
      return "admin";
    default:
      return "member";
  }
}

void write_members(json::Writer& out, const std::vector<chat::Member>& members,
                   const Online& online) {
  out.begin_array();
  for (const chat::Member& member : members) {
    out.begin_object();
    out.key("_id").id(member.user);
    out.key("userName").string(member.user_name);
    out.key("id").id(member.user);
    out.key("role").string(to_string(member.role));
    out.key("active").boolean(online.contains(member.user));
    out.end_object();
  }
  out.end_array();
}

void write_my_chat(json::Writer& out, const chat::MyChat& mine, const Online& online) {
  wire::write_chat_open(out, mine.document, wire::OwnerForm::kPopulated);
  out.key("lastSequence").integer(mine.document.head.value);
  out.key("lastMessage");
  if (mine.last) {
    wire::write_message(out, *mine.last);
  } else {
    out.null();
  }
  out.key("members");
  write_members(out, mine.document.members, online);
  out.end_object();
}

std::string page_json(const chat::MyChatPage& page, const Online& online) {
  std::string json;
  json::Writer out(json);
  out.begin_object().key("chats").begin_array();
  for (const chat::MyChat& mine : page.chats) write_my_chat(out, mine, online);
  out.end_array().key("cursor");
  if (page.cursor) {
    out.string(*page.cursor);
  } else {
    out.null();
  }
  out.end_object();
  return json;
}

std::size_t bytes_of(const chat::MyChatPage& page) {
  std::size_t bytes = 0;
  for (const chat::MyChat& mine : page.chats) {
    bytes += kChatAloneBytesMax + mine.document.members.size() * kMemberBytesMax;
  }
  return bytes;
}

std::vector<UserId> members_of(const chat::MyChatPage& page) {
  Online seen;
  std::vector<UserId> users;
  for (const chat::MyChat& mine : page.chats) {
    for (const chat::Member& member : mine.document.members) {
      if (seen.insert(member.user).second) users.push_back(member.user);
    }
  }
  return users;
}

Answering my_chats(Call& call, std::string cursor, std::size_t limit) {
  const Asks asks(Access::kSelf);
  const Result<chat::MyChatPage> page = co_await read_much(
      call, asks, Much(limit * kChatBytesMax), [&](chat::Snapshot& snapshot, Caller& caller) {
        return snapshot.list_my_chats(caller.user, cursor, limit);
      });
  if (!page) co_return std::unexpected(page.error());
  // It waits for presence, and should hold no more room than it needs.
  call.shrink_room(bytes_of(*page));
  const Online online = co_await ask_online(call.context().presence, members_of(*page));
  // A long answer is a reader's work, not that of the I/O thread.
  co_return co_await read_as(call, chat::Lane::kBulk, asks,
                             [&](chat::Snapshot&, Caller&) -> Result<Answer> {
                               return json_answer(page_json(*page, online));
                             });
}

}  // namespace

Answering list_my_chats(Call& call, const json::Value&) {
  const auto limit = query_integer(call, "limit", 1, kLimitMax, kLimitDefault);
  if (!limit) return refused(limit.error());
  std::string cursor = call.query("cursor").value;
  if (cursor.size() > kCursorBytesMax) {
    return refused(Error{ErrorCode::kValidationFailed,
                         "The parameter cursor must be one that this call has answered.",
                         {{"cursor", "format"}},
                         0});
  }
  return my_chats(call, std::move(cursor), static_cast<std::size_t>(*limit));
}

}  // namespace maru::gateway::rest
