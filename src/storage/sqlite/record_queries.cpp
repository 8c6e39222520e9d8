#include "storage/sqlite/record_queries.hpp"

#include <algorithm>
#include <limits>
#include <memory>

#define MARU_RECORD_COLUMNS                                                                      \
  "r.sequence, r.id, r.kind, r.text_count, r.created_at, r.sender, r.client_msg_id, r.subject, " \
  "r.member_count, r.content"

namespace maru::sqlite {
namespace {

constexpr std::size_t kReadMax = 4096;
constexpr std::int64_t kSequenceMax = std::numeric_limits<std::int64_t>::max();

std::int64_t to_stored(Sequence sequence) {
  constexpr auto kMax = static_cast<std::uint64_t>(kSequenceMax);
  return static_cast<std::int64_t>(std::min(sequence.value, kMax));
}

}  // namespace

RecordQueries::RecordQueries(Database& database)
    : find_chat_key_(database, "SELECT ref, number, pair_low, pair_high FROM chats WHERE id = ?1"),
      read_head_(database, "SELECT head FROM heads WHERE chat = ?1"),
      read_down_(database, "SELECT " MARU_RECORD_COLUMNS
                           " FROM records r WHERE r.chat = ?1 AND r.sequence < ?2"
                           " ORDER BY r.sequence DESC LIMIT ?3"),
      read_up_(database, "SELECT " MARU_RECORD_COLUMNS
                         " FROM records r WHERE r.chat = ?1 AND r.sequence > ?2"
                         " ORDER BY r.sequence LIMIT ?3"),
      find_by_client_msg_id_(database, "SELECT " MARU_RECORD_COLUMNS
                                       " FROM records r WHERE r.client_msg_id = ?1"
                                       " AND r.chat = (SELECT ref FROM chats WHERE id = ?2)"
                                       " AND r.sender = (SELECT ref FROM users WHERE id = ?3)"),
      find_user_(database, "SELECT id, name FROM users WHERE ref = ?1") {}

std::optional<ChatKey> RecordQueries::find_chat_key(ChatId id) {
  Rows rows = find_chat_key_.query(id);
  if (!rows.next()) return std::nullopt;
  return ChatKey{rows.integer(0), id, {rows.integer(1)}, rows.integer(2), rows.integer(3)};
}

std::vector<chat::RecordPtr> RecordQueries::read(const ChatKey& chat, chat::RecordRange range,
                                                 Sequence anchor, std::size_t limit) {
  limit = std::min(limit, kReadMax);
  const std::int64_t at = to_stored(anchor);
  std::vector<chat::RecordPtr> records;
  users_.clear();
  switch (range) {
    case chat::RecordRange::kNewest:
      read_down(chat, kSequenceMax, limit, records);
      break;
    case chat::RecordRange::kBefore:
      read_down(chat, at, limit, records);
      break;
    case chat::RecordRange::kAfter:
      read_up(chat, at, limit, records);
      break;
    case chat::RecordRange::kAround:
      read_up(chat, start_around(head(chat), at, limit), limit, records);
      break;
  }
  return records;
}

std::int64_t RecordQueries::head(const ChatKey& chat) {
  Rows rows = read_head_.query(chat.ref);
  return rows.next() ? rows.integer(0) : 0;
}

// The sequence after which `limit` records have the anchor in their middle, or as near to it as the
// ends of the chat allow.
std::int64_t RecordQueries::start_around(std::int64_t head, std::int64_t anchor,
                                         std::size_t limit) {
  const auto count = static_cast<std::int64_t>(limit);
  const std::int64_t last_start = head - count;
  return std::max<std::int64_t>(0, std::min(anchor - count / 2 - 1, last_start));
}

void RecordQueries::visit(const ChatKey& chat, chat::RecordRange range, Sequence anchor,
                          std::size_t limit, const chat::Snapshot::RecordVisitor& visit) {
  limit = std::min(limit, kReadMax);
  const std::int64_t newest = head(chat);
  const auto count = static_cast<std::int64_t>(limit);
  std::int64_t start = to_stored(anchor);
  // Sequences are dense, so that a page before a number begins as many below it as it has records.
  std::int64_t end = newest;
  if (range == chat::RecordRange::kBefore) end = std::min(newest, start - 1);
  if (range == chat::RecordRange::kAround) start = start_around(newest, start, limit);
  if (range == chat::RecordRange::kBefore || range == chat::RecordRange::kNewest) {
    start = std::max<std::int64_t>(0, end - count);
  }
  if (start >= end) return;
  users_.clear();
  Rows rows = read_up_.query(chat.ref, start, std::min(count, end - start));
  while (rows.next()) {
    fill_record(rows, chat, scratch_);
    visit(scratch_);
  }
}

void RecordQueries::read_down(const ChatKey& chat, std::int64_t below, std::size_t limit,
                              std::vector<chat::RecordPtr>& out) {
  Rows rows = read_down_.query(chat.ref, below, limit);
  while (rows.next()) out.push_back(read_record(rows, chat));
  std::ranges::reverse(out);
}

void RecordQueries::read_up(const ChatKey& chat, std::int64_t above, std::size_t limit,
                            std::vector<chat::RecordPtr>& out) {
  Rows rows = read_up_.query(chat.ref, above, limit);
  while (rows.next()) out.push_back(read_record(rows, chat));
}

chat::RecordPtr RecordQueries::find_by_client_msg_id(ChatId chat_id, UserId from,
                                                     std::string_view id) {
  const StoredClientId stored(id);
  const auto read = [&](Rows&& rows) -> chat::RecordPtr {
    // Most look-ups find nothing and need no more of the chat.
    if (!rows.next()) return nullptr;
    const std::optional<ChatKey> chat = find_chat_key(chat_id);
    if (!chat) return nullptr;
    users_.clear();
    return read_record(rows, *chat);
  };
  if (stored.is_packed()) {
    return read(find_by_client_msg_id_.query(Blob{stored.bytes()}, chat_id, from));
  }
  return read(find_by_client_msg_id_.query(stored.bytes(), chat_id, from));
}

chat::RecordPtr RecordQueries::read_record(const Rows& rows, const ChatKey& chat) {
  auto record = std::make_shared<chat::Record>();
  fill_record(rows, chat, *record);
  return record;
}

void RecordQueries::fill_record(const Rows& rows, const ChatKey& chat, chat::Record& record) {
  record.chat = chat.id;
  record.chat_number = chat.number;
  record.sequence.value = static_cast<std::uint64_t>(rows.integer(0));
  record.id = rows.id<RecordId>(1);
  record.text_count = static_cast<std::uint64_t>(rows.integer(3));
  record.created_at = rows.time(4);
  record.to.reset();
  record.to_name.clear();
  switch (rows.integer(2)) {
    case chat::stored_kind<chat::MemberJoined>():
      return fill_system(rows, record.body.emplace<chat::MemberJoined>(), record);
    case chat::stored_kind<chat::MemberLeft>():
      return fill_system(rows, record.body.emplace<chat::MemberLeft>(), record);
    default:
      fill_text(rows, chat, record);
  }
}

void RecordQueries::fill_system(const Rows& rows, chat::SystemBody& body, chat::Record& record) {
  const chat::UserBrief& subject = user(rows.integer(7));
  body.subject = subject.id;
  body.member_count = static_cast<std::uint32_t>(rows.integer(8));
  record.actor = subject.id;
  record.actor_name = subject.name;
  record.to_name = subject.name;
}

// Keeps the room of a text that was there before.
void RecordQueries::fill_text(const Rows& rows, const ChatKey& chat, chat::Record& record) {
  auto* text = std::get_if<chat::Text>(&record.body);
  if (!text) text = &record.body.emplace<chat::Text>();
  text->content = rows.text(9);
  const Ref sender_ref = rows.integer(5);
  const chat::UserBrief& sender = user(sender_ref);
  record.actor = sender.id;
  record.actor_name = sender.name;
  if (rows.is_null(6)) {
    text->client_msg_id.reset();
  } else {
    if (!text->client_msg_id) text->client_msg_id.emplace();
    if (rows.is_blob(6)) {
      StoredClientId::unpack(rows.blob(6), *text->client_msg_id);
    } else {
      *text->client_msg_id = rows.text(6);
    }
  }
  if (chat.pair_low != 0) {
    const chat::UserBrief& to = user(sender_ref == chat.pair_low ? chat.pair_high : chat.pair_low);
    record.to = to.id;
    record.to_name = to.name;
  }
}

const chat::UserBrief& RecordQueries::user(Ref ref) {
  const auto [place, added] = users_.try_emplace(ref);
  if (added) {
    Rows rows = find_user_.query(ref);
    if (rows.next()) place->second = {rows.id<UserId>(0), std::string(rows.text(1))};
  }
  return place->second;
}

}  // namespace maru::sqlite
