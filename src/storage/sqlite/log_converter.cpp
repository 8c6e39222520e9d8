#include "storage/sqlite/log_converter.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "base/log.hpp"
#include "chat/fingerprint.hpp"
#include "chat/membership.hpp"
#include "storage/sqlite/body_codec.hpp"

namespace maru::sqlite {
namespace {

// records.kind of version 3.
constexpr std::int64_t kText = 0;
constexpr std::int64_t kJoin = 1;
constexpr std::int64_t kLeave = 2;

// Columns of the old records.
enum Column : int {
  kRef,
  kChat,
  kSequence,
  kId,
  kKind,
  kTextCount,
  kTime,
  kSender,
  kClientMsgId,
  kSubject,
  kMemberCount,
  kContent
};

const RefOf kRefOf = ref_of_stand_in;

}  // namespace

void LogConverter::find_creations() {
  load_chats();
  find_gone();
  load_members();
}

void LogConverter::load_chats() {
  Statement all(database_, "SELECT ref, personal, created_at FROM chats");
  Rows rows = all.query();
  while (rows.next()) {
    Chat& chat = chats_[rows.integer(0)];
    chat.state.chat.is_personal = rows.integer(1) != 0;
    chat.state.chat.updated_at = rows.time(2);
  }
}

// Whose first trace in a chat is that they left it.
void LogConverter::find_gone() {
  struct Pair {
    Ref chat;
    Ref user;
    bool operator==(const Pair&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Pair& pair) const {
      return static_cast<std::size_t>(pair.chat) * 0x9E3779B97F4A7C15u ^
             static_cast<std::size_t>(pair.user);
    }
  };
  std::unordered_set<Pair, Hash> seen;
  Statement all(database_,
                "SELECT chat, kind, subject FROM old.records WHERE kind <> 0 ORDER BY ref");
  Rows rows = all.query();
  while (rows.next()) {
    const Pair pair{rows.integer(0), rows.integer(2)};
    if (!seen.insert(pair).second || rows.integer(1) != kLeave) continue;
    chats_[pair.chat].began.push_back(pair.user);
  }
}

void LogConverter::load_members() {
  Statement all(database_,
                "SELECT chat, ordinal, user, entry, accepted FROM old.members"
                " WHERE joined_at = 0 ORDER BY chat, ordinal");
  std::unordered_map<Ref, FirstMembers> stayed;
  {
    Rows rows = all.query();
    while (rows.next()) {
      chat::Member member{.user = stand_in(rows.integer(2)),
                          .entry = static_cast<chat::Entry>(rows.integer(3)),
                          .accepted = rows.integer(4) != 0};
      stayed[rows.integer(0)].emplace_back(rows.integer(1), member);
    }
  }
  for (auto& [ref, chat] : chats_) begin(chat, stayed[ref]);
}

// Who stayed has their place among the first members; who has gone takes the places between.
void LogConverter::begin(Chat& chat, const FirstMembers& stayed) {
  auto next = stayed.begin();
  auto gone = chat.began.begin();
  chat::ChatState& state = chat.state;
  for (std::int64_t place = 0; next != stayed.end() || gone != chat.began.end(); ++place) {
    const bool is_first = place == 0;
    if (next != stayed.end() && (next->first <= place || gone == chat.began.end())) {
      state.members.push_back((next++)->second);
    } else {
      const chat::Entry put =
          state.chat.is_personal ? chat::Entry::kOpenedToMe : chat::Entry::kPutIn;
      state.members.push_back(
          {.user = stand_in(*gone++), .entry = is_first ? chat::Entry::kOwn : put});
    }
    if (!is_first) continue;
    state.members.front().role = chat::Role::kOwner;
    state.chat.owner = state.members.front().user;
  }
}

void LogConverter::write_creations() {
  Statement write(database_, "UPDATE chats SET creation = ?2 WHERE ref = ?1");
  for (const auto& [ref, chat] : chats_) {
    write.execute(ref, Blob{encode_members(chat.state.members, kRefOf)});
  }
}

void LogConverter::copy_records(const std::function<void(std::int64_t)>& progress) {
  Statement all(database_,
                "SELECT ref, chat, sequence, id, kind, text_count, created_at, sender,"
                " client_msg_id, subject, member_count, content FROM old.records ORDER BY ref");
  Statement insert(database_,
                   "INSERT INTO records(ref, chat, sequence, previous, id, kind, text_count,"
                   " effect, created_at, actor, client_msg_id, fingerprint, body)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)");
  Statement mark(database_, "INSERT INTO marks VALUES(?1, ?2, ?3)");
  std::int64_t done = 0;
  Rows rows = all.query();
  while (rows.next()) {
    const Ref ref = rows.integer(kRef);
    Chat& chat = chats_[rows.integer(kChat)];
    chat::Record record;
    record.sequence.value = static_cast<std::uint64_t>(rows.integer(kSequence));
    record.text_count = static_cast<std::uint64_t>(rows.integer(kTextCount));
    record.created_at = rows.time(kTime);
    const bool is_text = rows.integer(kKind) == kText;
    const Ref actor = rows.integer(is_text ? kSender : kSubject);
    record.last_effect = is_text ? chat.state.last_effect : record.sequence;
    record.actor = stand_in(actor);
    if (!is_text) record.body = body_of(rows, chat.state);
    const auto copy = [&](const auto& client_id, const auto& body) {
      std::optional<std::uint64_t> fingerprint;
      if (!rows.is_null(kClientMsgId)) fingerprint = chat::fingerprint_of(rows.text(kContent));
      insert.execute(ref, rows.integer(kChat), record.sequence, chat.last.ref, Blob{rows.blob(kId)},
                     rows.integer(kKind), record.text_count,
                     record.sequence.value - record.last_effect.value, record.created_at, actor,
                     client_id, fingerprint, body);
    };
    if (!is_text) {
      copy(std::nullopt, Blob{encode_body(record.body, kRefOf)});
    } else if (rows.is_null(kClientMsgId)) {
      copy(std::nullopt, rows.text(kContent));
    } else if (rows.is_blob(kClientMsgId)) {
      copy(Blob{rows.blob(kClientMsgId)}, rows.text(kContent));
    } else {
      copy(rows.text(kClientMsgId), rows.text(kContent));
    }
    chat::fold(chat.state, record);
    chat.last = {rows.integer(kSequence), ref};
    chat.run.push_back(ref);
    if (chat.last.sequence % kMarkRecords == 0) {
      mark.execute(rows.integer(kChat), chat.last.sequence / kMarkRecords - 1,
                   Blob{encode_mark(chat.run)});
      chat.run.clear();
    }
    if (++done % 4096 == 0) progress(done);
  }
}

// The count is the one that was said, whatever the members come to.
chat::RecordBody LogConverter::body_of(const Rows& rows, const chat::ChatState& state) {
  const UserId user = stand_in(rows.integer(kSubject));
  const auto member_count = static_cast<std::uint32_t>(rows.integer(kMemberCount));
  if (rows.integer(kKind) == kJoin) {
    chat::MemberJoined joined = chat::joining(state, user);
    joined.member_count = member_count;
    return joined;
  }
  chat::MemberLeft left = chat::leaving(state, user);
  left.member_count = member_count;
  return left;
}

// In the order of the last record, so that those that are written lie together at the end.
void LogConverter::write_heads() {
  std::vector<std::pair<Ref, Ref>> order;  // newest record, chat
  order.reserve(chats_.size());
  for (const auto& [ref, chat] : chats_) order.emplace_back(chat.last.ref, ref);
  std::ranges::sort(order);
  Statement insert(database_, "INSERT INTO heads VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  std::int64_t slot = 0;
  for (const auto& [newest, ref] : order) {
    const chat::ChatState& state = chats_[ref].state;
    insert.execute(++slot, ref, state.head, newest, state.text_count, state.last_effect,
                   state.chat.updated_at);
  }
}

// The log is the truth: what was kept beside it becomes what it says.
void LogConverter::settle() {
  Statement find(database_, "SELECT owner, archived FROM chats WHERE ref = ?1");
  Statement list(database_,
                 "SELECT user, role FROM members WHERE chat = ?1 ORDER BY joined_at, ordinal");
  for (auto& [ref, chat] : chats_) {
    const chat::ChatState& state = chat.state;
    bool same = false;
    {
      Rows rows = find.query(ref);
      same = rows.next() && (rows.integer(1) != 0) == state.chat.archived &&
             (rows.is_null(0) ? std::nullopt : std::optional(stand_in(rows.integer(0)))) ==
                 state.chat.owner;
    }
    {
      Rows rows = list.query(ref);
      auto member = state.members.begin();
      while (same && rows.next()) {
        same = member != state.members.end() && stand_in(rows.integer(0)) == member->user &&
               rows.integer(1) == static_cast<int>(member->role);
        ++member;
      }
      same = same && member == state.members.end();
    }
    if (!same) write_state(ref, state);
  }
}

void LogConverter::write_state(Ref ref, const chat::ChatState& state) {
  log::warn("store_chat_settled", {{"chat", ref}});
  Statement chat(database_, "UPDATE chats SET owner = ?2, archived = ?3 WHERE ref = ?1");
  Statement remove(database_, "DELETE FROM members WHERE chat = ?1");
  Statement insert(database_, "INSERT INTO members VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  std::optional<Ref> owner;
  if (state.chat.owner) owner = ref_of_stand_in(*state.chat.owner);
  chat.execute(ref, owner, state.chat.archived);
  remove.execute(ref);
  int ordinal = 0;
  for (const chat::Member& member : state.members) {
    insert.execute(ref, ref_of_stand_in(member.user), static_cast<int>(member.role),
                   member.joined_at, ordinal++, static_cast<int>(member.entry), member.accepted);
  }
}

}  // namespace maru::sqlite
