#include "storage/sqlite/tail_rules.hpp"

#include <algorithm>
#include <unordered_map>

#include "chat/record.hpp"
#include "storage/sqlite/record_positions.hpp"
#include "storage/sqlite/schema.hpp"

namespace maru::sqlite {
namespace {

enum Column : int { kRef, kChat, kSequence, kPrevious, kTextCount, kKind, kReadable };

struct Last {
  ChatHead at;
  std::int64_t text_count = 0;
};

class TailRules {
 public:
  explicit TailRules(Database& database)
      : find_before_(database,
                     "SELECT text_count FROM records WHERE ref = ?1 AND chat = ?2"
                     " AND sequence = ?3"),
        find_head_(database, "SELECT sequence, ref, text_count FROM heads WHERE chat = ?1"),
        find_number_(database, "SELECT number FROM chats WHERE ref = ?1") {}

  // False: it does not follow.
  bool follows(const Rows& rows) {
    const std::int64_t sequence = rows.integer(kSequence);
    const auto [place, is_new] = last_.try_emplace(rows.integer(kChat));
    Last& last = place->second;
    if (is_new) last = before(rows);
    const chat::RecordKind* kind = chat::find_kind(rows.integer(kKind));
    bool good = kind && rows.integer(kReadable) != 0;
    good = good && sequence == last.at.sequence + 1 && rows.integer(kPrevious) == last.at.ref &&
           rows.integer(kTextCount) == last.text_count + (kind->counts_as_text ? 1 : 0);
    last = {{sequence, rows.integer(kRef)}, rows.integer(kTextCount)};
    return good;
  }

  // A chat whose head is another than its last record; 0: there is none.
  Ref find_other_head() {
    for (const auto& [chat, last] : last_) {
      Rows rows = find_head_.query(chat);
      if (!rows.next() || rows.integer(0) != last.at.sequence || rows.integer(1) != last.at.ref ||
          rows.integer(2) != last.text_count) {
        return chat;
      }
    }
    return 0;
  }

  std::string name_of(Ref chat) {
    Rows rows = find_number_.query(chat);
    return "chat " + (rows.next() ? std::to_string(rows.integer(0)) : "that is not there");
  }

 private:
  // The record that the first of a chat in the tail names as the one before it.
  Last before(const Rows& rows) {
    const ChatHead at{rows.integer(kSequence) - 1, rows.integer(kPrevious)};
    if (at.sequence == 0) return {};
    Rows found = find_before_.query(at.ref, rows.integer(kChat), at.sequence);
    if (!found.next()) return {{-1, -1}, 0};
    return {at, found.integer(0)};
  }

  Statement find_before_;
  Statement find_head_;
  Statement find_number_;
  std::unordered_map<Ref, Last> last_;
};

}  // namespace

TailCheck check_tail(Database& database, std::int64_t records_max) {
  const std::int64_t last = database.query_integer("SELECT coalesce(max(ref), 0) FROM records");
  const std::int64_t mark = read_meta(database, kMetaCleanMark);
  if (mark > last) return {0, "records that were there at the last orderly moment are missing"};
  Statement tail(database,
                 "SELECT ref, chat, sequence, previous, text_count, kind,"
                 " length(id) = 12 AND typeof(body) = iif(kind = 0, 'text', 'blob')"
                 " FROM records WHERE ref > ?1 ORDER BY ref");
  TailRules rules(database);
  TailCheck check;
  Ref wrong = 0;
  {
    Rows rows = tail.query(std::max(mark, last - records_max));
    while (wrong == 0 && rows.next()) {
      ++check.records;
      if (!rules.follows(rows)) wrong = rows.integer(kChat);
    }
  }
  if (wrong == 0) wrong = rules.find_other_head();
  if (wrong != 0) {
    check.finding = "the newest records of " + rules.name_of(wrong) + " do not agree with its head";
  }
  return check;
}

}  // namespace maru::sqlite
