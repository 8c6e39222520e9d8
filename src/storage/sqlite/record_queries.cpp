#include "storage/sqlite/record_queries.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <limits>
#include <memory>

#define MARU_RECORD_COLUMNS                                                                    \
  "r.sequence, r.id, r.kind, r.text_count, r.effect, r.created_at, r.actor, r.client_msg_id, " \
  "r.fingerprint, r.body"

namespace maru::sqlite {
namespace {

enum Column : int {
  kSequence,
  kId,
  kKind,
  kTextCount,
  kEffect,
  kTime,
  kActor,
  kClientId,
  kFingerprint,
  kBody
};

constexpr std::size_t kReadMax = 4096;

std::int64_t to_stored(Sequence sequence) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(sequence.value, kMax));
}

}  // namespace

RecordQueries::RecordQueries(Database& database)
    : positions_(database),
      find_chat_key_(database,
                     "SELECT c.ref, c.number, c.pair_low, c.pair_high, h.sequence, h.ref"
                     " FROM chats c JOIN heads h ON h.chat = c.ref WHERE c.id = ?1"),
      read_(database, "SELECT " MARU_RECORD_COLUMNS " FROM records r WHERE r.ref = ?1"),
      find_by_client_msg_id_(database, "SELECT " MARU_RECORD_COLUMNS
                                       " FROM records r WHERE r.client_msg_id = ?1"
                                       " AND r.chat = (SELECT ref FROM chats WHERE id = ?2)"
                                       " AND r.actor = (SELECT ref FROM users WHERE id = ?3)"),
      find_user_(database, "SELECT id, name FROM users WHERE ref = ?1"),
      user_of_([this](Ref ref) { return user(ref).id; }) {}

std::optional<ChatKey> RecordQueries::find_chat_key(ChatId id) {
  Rows rows = find_chat_key_.query(id);
  if (!rows.next()) return std::nullopt;
  return ChatKey{rows.integer(0),   id,
                 {rows.integer(1)}, rows.integer(2),
                 rows.integer(3),   {rows.integer(4), rows.integer(5)}};
}

// Sequences are dense: a range is a matter of arithmetic.
RecordQueries::Span RecordQueries::span_of(const ChatHead& head, chat::RecordRange range,
                                           Sequence anchor, std::size_t limit) {
  const auto count = static_cast<std::int64_t>(std::min(limit, kReadMax));
  const std::int64_t at = std::min(to_stored(anchor), head.sequence + 1);
  std::int64_t before = 0;  // the sequence before the first
  std::int64_t last = head.sequence;
  switch (range) {
    case chat::RecordRange::kNewest:
      before = last - count;
      break;
    case chat::RecordRange::kBefore:
      last = at - 1;
      before = last - count;
      break;
    case chat::RecordRange::kAfter:
      before = at;
      break;
    case chat::RecordRange::kAround:
      // The anchor in the middle, or as near to it as the ends of the chat allow.
      before = std::min(at - count / 2 - 1, last - count);
      break;
  }
  before = std::max<std::int64_t>(before, 0);
  return {before + 1, std::min(last, before + count)};
}

std::vector<chat::RecordPtr> RecordQueries::read(const ChatKey& chat, chat::RecordRange range,
                                                 Sequence anchor, std::size_t limit) {
  std::vector<chat::RecordPtr> records;
  visit_rows(chat, range, anchor, limit,
             [&](const Rows& rows) { records.push_back(read_record(rows, chat)); });
  return records;
}

void RecordQueries::visit(const ChatKey& chat, chat::RecordRange range, Sequence anchor,
                          std::size_t limit, const chat::Snapshot::RecordVisitor& visit) {
  visit_rows(chat, range, anchor, limit, [&](const Rows& rows) {
    fill_record(rows, chat, scratch_);
    visit(scratch_);
  });
}

template <class Visit>
void RecordQueries::visit_rows(const ChatKey& chat, chat::RecordRange range, Sequence anchor,
                               std::size_t limit, Visit&& visit) {
  const Span span = span_of(chat.head, range, anchor, limit);
  users_.clear();
  for (const Ref ref : positions_.find(chat.ref, chat.head, span.first, span.last)) {
    Rows rows = read_.query(ref);
    if (!rows.next()) throw SqliteError(SQLITE_CORRUPT, "a record of a chat is missing");
    visit(rows);
  }
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
  record.sequence.value = static_cast<std::uint64_t>(rows.integer(kSequence));
  record.id = rows.id<RecordId>(kId);
  record.text_count = static_cast<std::uint64_t>(rows.integer(kTextCount));
  record.last_effect.value =
      record.sequence.value - static_cast<std::uint64_t>(rows.integer(kEffect));
  record.created_at = rows.time(kTime);
  const chat::UserBrief& actor = user(rows.integer(kActor));
  record.actor = actor.id;
  record.actor_name = actor.name;
  record.to.reset();
  record.to_name.clear();
  const std::int64_t kind = rows.integer(kKind);
  if (kind == chat::stored_kind<chat::Text>()) return fill_text(rows, chat, record);
  record.body = decode_body(kind, rows.blob(kBody), user_of_);
  record.to_name = name_of(chat::system_of(record)->subject);
}

// Keeps the room of a text that was there before.
void RecordQueries::fill_text(const Rows& rows, const ChatKey& chat, chat::Record& record) {
  auto* text = std::get_if<chat::Text>(&record.body);
  if (!text) text = &record.body.emplace<chat::Text>();
  text->content = rows.text(kBody);
  text->fingerprint = static_cast<std::uint64_t>(rows.integer(kFingerprint));
  if (rows.is_null(kClientId)) {
    text->client_msg_id.reset();
  } else {
    if (!text->client_msg_id) text->client_msg_id.emplace();
    if (rows.is_blob(kClientId)) {
      StoredClientId::unpack(rows.blob(kClientId), *text->client_msg_id);
    } else {
      *text->client_msg_id = rows.text(kClientId);
    }
  }
  if (chat.pair_low != 0) {
    const bool from_low = rows.integer(kActor) == chat.pair_low;
    const chat::UserBrief& to = user(from_low ? chat.pair_high : chat.pair_low);
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

const std::string& RecordQueries::name_of(const UserId& id) const {
  static const std::string kNone;
  for (const auto& [ref, brief] : users_) {
    if (brief.id == id) return brief.name;
  }
  return kNone;
}

}  // namespace maru::sqlite
