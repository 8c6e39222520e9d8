#include "storage/sqlite/record_queries.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#define MARU_RECORD_COLUMNS                                                                    \
  "r.sequence, r.id, r.kind, r.text_count, r.effect, r.created_at, r.actor, r.client_msg_id, " \
  "r.fingerprint, r.previous, r.target, r.body"

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
  kPrevious,
  kTarget,
  kBody,
  kColumns
};

constexpr std::size_t kReadMax = 4096;
constexpr std::size_t kChatsKept = 10'000;
constexpr std::size_t kUsersKept = 20'000;  // about 100 bytes each
// Rows of one query: those of a mark.
constexpr std::size_t kReadTogether = kMarkRecords;

std::string read_together_sql() {
  std::string sql = "SELECT " MARU_RECORD_COLUMNS " FROM records r WHERE r.ref IN (?1";
  for (std::size_t i = 2; i <= kReadTogether; ++i) sql += ",?" + std::to_string(i);
  return sql + ") ORDER BY r.ref";
}

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
      find_chat_key_by_ref_(database,
                            "SELECT number, pair_low, pair_high, id FROM chats WHERE ref = ?1"),
      read_log_(database, "SELECT " MARU_RECORD_COLUMNS
                          ", r.ref, r.chat FROM records r WHERE r.ref > ?1"
                          " ORDER BY r.ref LIMIT ?2"),
      read_together_(database, read_together_sql()),
      read_(database, "SELECT " MARU_RECORD_COLUMNS " FROM records r WHERE r.ref = ?1"),
      find_by_client_msg_id_(database, "SELECT " MARU_RECORD_COLUMNS
                                       " FROM records r WHERE r.client_msg_id = ?1"
                                       " AND r.chat = (SELECT ref FROM chats WHERE id = ?2)"
                                       " AND r.actor = (SELECT ref FROM users WHERE id = ?3)"),
      find_user_(database, "SELECT id, name FROM users WHERE ref = ?1"),
      count_renames_(database, "SELECT value FROM meta WHERE name = 'renames'"),
      user_of_([this](Ref ref) {
        named_.push_back(&user(ref));
        return named_.back()->id;
      }) {}

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
  visit(chat, range, anchor, limit, [&](const chat::Record& record) {
    records.push_back(std::make_shared<const chat::Record>(record));
  });
  return records;
}

void RecordQueries::visit(const ChatKey& chat, chat::RecordRange range, Sequence anchor,
                          std::size_t limit, const chat::Snapshot::RecordVisitor& visit) {
  const Span span = span_of(chat.head, range, anchor, limit);
  if (span.first > span.last) return;
  refresh_users();
  const std::int64_t marked = chat.head.marked();
  if (read_tail(chat, std::max(span.first, marked + 1), span.last)) {
    const auto& refs = positions_.find_marked(chat.ref, span.first, std::min(span.last, marked));
    for (std::size_t at = 0; at < refs.size(); at += kReadTogether) {
      const std::size_t count = std::min(refs.size() - at, kReadTogether);
      Rows rows = query_together(std::span(refs).subspan(at, count));
      std::size_t found = 0;
      for (; rows.next(); ++found) {
        fill_record(rows, chat, scratch_);
        visit(scratch_);
      }
      if (found != count) throw SqliteError(SQLITE_CORRUPT, "a record of a chat is missing");
    }
  }
  while (tail_size_ > 0) visit(tail_[--tail_size_]);
}

// One run of SQLite's machine for many rows; in the order of ref, which is that of a chat.
Rows RecordQueries::query_together(std::span<const Ref> refs) {
  std::array<Ref, kReadTogether> all;
  std::ranges::copy(refs, all.begin());
  std::fill(all.begin() + static_cast<std::ptrdiff_t>(refs.size()), all.end(), refs.back());
  return std::apply([this](auto... ref) { return read_together_.query(ref...); }, all);
}

// Each row names the next one, so that walking back reads it, too.
bool RecordQueries::read_tail(const ChatKey& chat, std::int64_t first, std::int64_t last) {
  tail_size_ = 0;
  if (first > last) return true;
  Ref at = positions_.step_back(chat.head.ref, chat.head.sequence - last);
  for (std::int64_t sequence = last; sequence >= first; --sequence) {
    if (at == 0) return false;
    Rows rows = read_.query(at);
    if (!rows.next()) return false;
    if (tail_.size() == tail_size_) tail_.emplace_back();
    fill_record(rows, chat, tail_[tail_size_++]);
    at = rows.integer(kPrevious);
  }
  return true;
}

Ref RecordQueries::read_log(Ref after, std::size_t limit, std::vector<chat::RecordPtr>& out) {
  refresh_users();
  Ref last = 0;
  Rows rows = read_log_.query(after, std::min(limit, kReadMax));
  while (rows.next()) {
    last = rows.integer(kColumns);
    out.push_back(read_record(rows, chat_key(rows.integer(kColumns + 1))));
  }
  return last;
}

const ChatKey& RecordQueries::chat_key(Ref ref) {
  if (const auto known = chats_.find(ref); known != chats_.end()) return known->second;
  Rows rows = find_chat_key_by_ref_.query(ref);
  if (!rows.next()) throw SqliteError(SQLITE_CORRUPT, "a record is of no chat");
  ChatKey key;
  key.ref = ref;
  key.number = {rows.integer(0)};
  key.pair_low = rows.integer(1);
  key.pair_high = rows.integer(2);
  key.id = rows.id<ChatId>(3);
  if (chats_.size() >= kChatsKept) chats_.clear();
  return chats_.emplace(ref, key).first->second;
}

chat::RecordPtr RecordQueries::find_by_client_msg_id(ChatId chat_id, UserId from,
                                                     std::string_view id) {
  const StoredClientId stored(id);
  const auto read = [&](Rows&& rows) -> chat::RecordPtr {
    // Most look-ups find nothing and need no more of the chat.
    if (!rows.next()) return nullptr;
    const std::optional<ChatKey> chat = find_chat_key(chat_id);
    if (!chat) return nullptr;
    refresh_users();
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
  record.target.value = static_cast<std::uint64_t>(rows.integer(kTarget));
  fill_other(rows, chat, record);
  const std::int64_t kind = rows.integer(kKind);
  if (kind == chat::stored_kind<chat::Text>()) return fill_text(rows, record);
  named_.clear();
  record.body = decode_body(kind, rows.blob(kBody), user_of_);
  if (const auto* system = chat::system_of(record)) record.to_name = name_of(system->subject);
}

void RecordQueries::fill_other(const Rows& rows, const ChatKey& chat, chat::Record& record) {
  record.to.reset();
  record.to_name.clear();
  if (chat.pair_low == 0) return;
  const bool from_low = rows.integer(kActor) == chat.pair_low;
  const chat::UserBrief& to = user(from_low ? chat.pair_high : chat.pair_low);
  record.to = to.id;
  record.to_name = to.name;
}

// Keeps the room of a text that was there before.
void RecordQueries::fill_text(const Rows& rows, chat::Record& record) {
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
}

// What is kept is what this snapshot says, too, if as many have been renamed by now.
void RecordQueries::refresh_users() {
  Rows rows = count_renames_.query();
  const std::int64_t renames = rows.next() ? rows.integer(0) : 0;
  if (renames == users_as_of_ && users_.size() <= kUsersKept) return;
  users_.clear();
  users_as_of_ = renames;
}

const chat::UserBrief& RecordQueries::user(Ref ref) {
  if (const auto kept = users_.find(ref); kept != users_.end()) return kept->second;
  chat::UserBrief brief;
  {
    Rows rows = find_user_.query(ref);
    if (rows.next()) {
      brief = {rows.id<UserId>(0), std::string(rows.text(1))};
    } else {
      users_as_of_.reset();  // nobody: looked for again the next time
    }
  }
  return users_.emplace(ref, std::move(brief)).first->second;
}

const std::string& RecordQueries::name_of(const UserId& id) const {
  static const std::string kNone;
  for (const chat::UserBrief* brief : named_) {
    if (brief->id == id) return brief->name;
  }
  return kNone;
}

}  // namespace maru::sqlite
