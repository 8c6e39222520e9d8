#include "storage/sqlite/log_rules.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "chat/fingerprint.hpp"
#include "chat/fold.hpp"
#include "storage/sqlite/body_codec.hpp"
#include "storage/sqlite/record_positions.hpp"
#include "storage/sqlite/rows.hpp"
#include "text/text.hpp"

namespace maru::sqlite {
namespace {

// Columns of the walk.
enum Column : int {
  kRef,
  kChat,
  kSequence,
  kPrevious,
  kId,
  kKind,
  kTextCount,
  kEffect,
  kActor,
  kClientMsgId,
  kFingerprint,
  kTarget,
  kBody,
  kKnownActor
};

constexpr std::int64_t kText = chat::stored_kind<chat::Text>();

std::string chat_name(std::int64_t number) {
  return "chat " + std::to_string(number);
}

// One chat, as its creation and its records so far make it.
struct Walk {
  std::int64_t number = 0;
  chat::ChatState state;
  ChatHead last;
  std::vector<Ref> run;  // since the last mark
};

class LogRules {
 public:
  LogRules(Database& database, const ReportFinding& report)
      : database_(database),
        read_mark_(database, "SELECT refs FROM marks WHERE chat = ?1 AND block = ?2"),
        find_user_(database, "SELECT 1 FROM users WHERE ref = ?1"),
        report_(report) {}

  void load_creations() {
    Statement all(database_, "SELECT ref, number, personal, owner, creation FROM chats");
    Rows rows = all.query();
    while (rows.next()) {
      Walk& walk = walks_[rows.integer(0)];
      walk.number = rows.integer(1);
      where_ = chat_name(walk.number) + ": ";
      chat::ChatState& state = walk.state;
      state.chat.is_personal = rows.integer(2) != 0;
      try {
        state.members = decode_members(rows.blob(4), stand_in);
      } catch (const SqliteError&) {
        find("readable", "whom it began with is not readable.");
      }
      for (const chat::Member& member : state.members) {
        if (member.role == chat::Role::kOwner) state.chat.owner = member.user;
      }
    }
  }

  void record(const Rows& rows) {
    const auto found = walks_.find(rows.integer(kChat));
    if (found == walks_.end()) return;  // count_rules tells
    Walk& walk = found->second;
    const std::int64_t sequence = rows.integer(kSequence);
    where_ = chat_name(walk.number) + ", sequence " + std::to_string(sequence) + ": ";
    check_place(rows, sequence, walk);
    check_form(rows);
    check_client_id(rows);
    play(rows, walk);
    walk.last = {sequence, rows.integer(kRef)};
    check_mark(rows.integer(kChat), walk);
  }

  // After the last record: what is kept beside the log must be what the log says.
  void end() {
    check_heads();
    check_members();
    check_marks();
  }

 private:
  void find(const char* rule, const std::string& what) { report_(rule, where_ + what); }

  void check_place(const Rows& rows, std::int64_t sequence, const Walk& walk) {
    if (sequence != walk.last.sequence + 1) {
      find("dense", "follows " + std::to_string(walk.last.sequence) + ".");
    }
    if (rows.integer(kPrevious) != walk.last.ref) {
      find("chain", "it names another record as the one before it.");
    }
  }

  void check_form(const Rows& rows) {
    const std::int64_t kind = rows.integer(kKind);
    const bool is_text = kind == kText;
    bool good = rows.is_blob(kId) && rows.blob(kId).size() == RecordId::kSize;
    good = good && (is_text ? rows.is_text(kBody) : rows.is_blob(kBody));
    if (!good) find("readable", "it has no known form.");
    check_target(rows);
    if (rows.is_null(kKnownActor)) find("reference", "who did it is no user.");
    if (is_text && (rows.text(kBody).empty() || !text::is_valid_utf8(rows.text(kBody)))) {
      find("readable", "its text is not readable.");
    }
  }

  void check_target(const Rows& rows) {
    const chat::RecordKind* kind = chat::find_kind(rows.integer(kKind));
    if (!kind) return;  // play() tells
    bool good = kind->supersedes != rows.is_null(kTarget);
    if (good && kind->supersedes) {
      const std::int64_t target = rows.integer(kTarget);
      good = target > 0 && target < rows.integer(kSequence);
    }
    if (!good) find("readable", "what it supersedes is no record before it, or it may not.");
  }

  // One that is stored in another form than a look-up asks for would be taken a second time.
  void check_client_id(const Rows& rows) {
    const bool has_id = !rows.is_null(kClientMsgId);
    const bool has_fingerprint = !rows.is_null(kFingerprint);
    if (has_id != has_fingerprint ||
        (has_id && static_cast<std::uint64_t>(rows.integer(kFingerprint)) !=
                       chat::fingerprint_of(rows.text(kBody)))) {
      find("fingerprint", "its fingerprint is not that of its text.");
    }
    if (!has_id) return;
    bool good = rows.integer(kKind) == kText;
    if (rows.is_blob(kClientMsgId)) {
      good = good && rows.blob(kClientMsgId).size() == StoredClientId::kPackedBytes;
    } else {
      const std::string_view id = rows.text(kClientMsgId);
      good = good && rows.is_text(kClientMsgId) && text::is_client_msg_id(id) &&
             !StoredClientId(id).is_packed();
    }
    if (!good) find("readable", "its client's id has no known form.");
  }

  // Folds it into the state.
  void play(const Rows& rows, Walk& walk) {
    chat::Record record;
    record.sequence.value = static_cast<std::uint64_t>(rows.integer(kSequence));
    record.actor = stand_in(rows.integer(kActor));
    record.target.value = static_cast<std::uint64_t>(rows.integer(kTarget));
    record.text_count = static_cast<std::uint64_t>(rows.integer(kTextCount));
    record.last_effect.value =
        record.sequence.value - static_cast<std::uint64_t>(rows.integer(kEffect));
    try {
      record.body = decode_body(rows.integer(kKind), rows.blob(kBody), stand_in);
    } catch (const SqliteError& error) {
      find("readable", std::string(error.what()) + ".");
      return;
    }
    check_counts(record, walk.state);
    chat::fold(walk.state, record);
    if (const chat::SystemBody* body = chat::system_of(record)) check_system(*body, walk.state);
  }

  void check_counts(chat::Record& record, const chat::ChatState& state) {
    const std::uint64_t texts = state.text_count + (chat::kind_of(record).counts_as_text ? 1 : 0);
    if (record.text_count != texts) {
      find("text_count", "its running count is " + std::to_string(record.text_count) + ", not " +
                             std::to_string(texts) + ".");
    }
    if (!chat::has_effect(record) && record.last_effect != state.last_effect) {
      find("effect", "it names another record as the last one with an effect.");
    }
  }

  void check_system(const chat::SystemBody& body, const chat::ChatState& after) {
    if (after.members.size() != body.member_count) {
      find("members", "it counts " + std::to_string(body.member_count) + " members, not " +
                          std::to_string(after.members.size()) + ".");
    }
    if (!is_user(body.subject)) find("reference", "whom it is about is no user.");
  }

  bool is_user(const UserId& stand_in_id) {
    Rows rows = find_user_.query(ref_of_stand_in(stand_in_id));
    return rows.next();
  }

  void check_mark(Ref chat, Walk& walk) {
    walk.run.push_back(walk.last.ref);
    if (walk.last.sequence % kMarkRecords != 0) return;
    Rows rows = read_mark_.query(chat, walk.last.sequence / kMarkRecords - 1);
    ++marks_;
    if (!rows.next()) {
      find("mark", "its mark is missing.");
    } else if (rows.blob(0) != encode_mark(walk.run)) {
      find("mark", "its mark names other records.");
    }
    walk.run.clear();
  }

  void check_heads() {
    Statement all(database_,
                  "SELECT c.ref, h.sequence, h.ref, h.text_count, h.last_effect, c.owner,"
                  " c.archived FROM chats c LEFT JOIN heads h ON h.chat = c.ref");
    Rows rows = all.query();
    while (rows.next()) {
      const Walk& walk = walks_[rows.integer(0)];
      const chat::ChatState& state = walk.state;
      where_ = chat_name(walk.number) + ": ";
      if (rows.is_null(1) || rows.integer(1) != walk.last.sequence ||
          rows.integer(2) != walk.last.ref ||
          rows.integer(4) != static_cast<std::int64_t>(state.last_effect.value)) {
        find("head", "it has records up to " + std::to_string(walk.last.sequence) +
                         ", but its head is another.");
      }
      if (rows.integer(3) != static_cast<std::int64_t>(state.text_count)) {
        find("text_count", "it counts " + std::to_string(rows.integer(3)) + " texts but holds " +
                               std::to_string(state.text_count) + ".");
      }
      const auto owner = rows.is_null(5) ? std::nullopt : std::optional(stand_in(rows.integer(5)));
      if (owner != state.chat.owner || (rows.integer(6) != 0) != state.chat.archived) {
        find("members", "its log says another owner, or whether it is archived.");
      }
    }
  }

  // Each chat's members against those that its log leads to, in the same order.
  void check_members() {
    Statement all(database_,
                  "SELECT chat, user, role, joined_at, entry, accepted FROM members"
                  " ORDER BY chat, joined_at, ordinal");
    std::unordered_map<Ref, std::size_t> seen;
    {
      Rows rows = all.query();
      while (rows.next()) {
        const auto walk = walks_.find(rows.integer(0));
        if (walk == walks_.end()) continue;  // count_rules tells
        const auto& members = walk->second.state.members;
        std::size_t& at = seen[rows.integer(0)];
        const bool same = at < members.size() && is_same(rows, members[at]);
        ++at;
        if (same) continue;
        where_ = chat_name(walk->second.number) + ": ";
        find("members", "its log leads to other members.");
        at = members.size();  // once a chat
      }
    }
    for (const auto& [ref, walk] : walks_) {
      if (seen[ref] >= walk.state.members.size()) continue;
      where_ = chat_name(walk.number) + ": ";
      find("members", "its log leads to more members.");
    }
  }

  static bool is_same(const Rows& rows, const chat::Member& member) {
    return stand_in(rows.integer(1)) == member.user &&
           rows.integer(2) == static_cast<int>(member.role) &&
           rows.integer(3) == static_cast<std::int64_t>(member.joined_at.value) &&
           rows.integer(4) == static_cast<int>(member.entry) &&
           (rows.integer(5) != 0) == member.accepted;
  }

  void check_marks() {
    const std::int64_t stored = database_.query_integer("SELECT count(*) FROM marks");
    if (stored == marks_) return;
    report_("mark", std::to_string(stored) + " marks are stored, the log has " +
                        std::to_string(marks_) + ".");
  }

  Database& database_;
  Statement read_mark_;
  Statement find_user_;
  const ReportFinding& report_;
  std::unordered_map<Ref, Walk> walks_;
  std::int64_t marks_ = 0;
  std::string where_;
};

}  // namespace

std::int64_t check_logs(Database& database, const ReportFinding& report) {
  LogRules rules(database, report);
  rules.load_creations();
  Statement all(database,
                "SELECT r.ref, r.chat, r.sequence, r.previous, r.id, r.kind, r.text_count,"
                " r.effect, r.actor, r.client_msg_id, r.fingerprint, r.target, r.body, u.ref"
                " FROM records r LEFT JOIN users u ON u.ref = r.actor ORDER BY r.ref");
  std::int64_t records = 0;
  {
    Rows rows = all.query();
    while (rows.next()) {
      ++records;
      rules.record(rows);
    }
  }
  rules.end();
  return records;
}

}  // namespace maru::sqlite
