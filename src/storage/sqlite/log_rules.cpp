#include "storage/sqlite/log_rules.hpp"

#include <optional>
#include <string>
#include <string_view>

#include "chat/record.hpp"
#include "storage/sqlite/rows.hpp"
#include "text/text.hpp"

namespace maru::sqlite {
namespace {

// Columns of the walk.
enum Column : int {
  kChat,
  kHead,
  kNumber,
  kSequence,
  kKind,
  kTextCount,
  kId,
  kContent,
  kUser,
  kHeadTextCount,
  kSender,
  kSubject,
  kMemberCount,
  kClientMsgId
};

constexpr std::int64_t kText = chat::stored_kind<chat::Text>();

std::string chat_name(std::int64_t number) {
  return "chat " + std::to_string(number);
}

// Follows one chat's records.
struct LogWalk {
  std::int64_t chat = 0;
  std::int64_t number = 0;
  std::int64_t head = 0;
  std::int64_t head_text_count = 0;
  std::int64_t last = 0;
  std::int64_t text_count = 0;
  std::optional<std::int64_t> member_count;  // as the newest system message has it
};

class LogRules {
 public:
  LogRules(Database& database, const ReportFinding& report)
      : count_members_(database, "SELECT count(*) FROM members WHERE chat = ?1"), report_(report) {}

  void begin(const Rows& rows) {
    walk_ = {rows.integer(kChat), rows.integer(kNumber), rows.integer(kHead),
             rows.integer(kHeadTextCount)};
    if (rows.is_null(kHead)) report_("head", chat_name(walk_.number) + " has no head.");
  }
  [[nodiscard]] std::int64_t chat() const { return walk_.chat; }

  void end() {
    if (walk_.chat == 0) return;
    const std::string name = chat_name(walk_.number);
    if (walk_.last != walk_.head) {
      report_("head", name + " has records up to " + std::to_string(walk_.last) +
                          " but its head is " + std::to_string(walk_.head) + ".");
    }
    if (walk_.text_count != walk_.head_text_count) {
      report_("text_count", name + " counts " + std::to_string(walk_.head_text_count) +
                                " texts but holds " + std::to_string(walk_.text_count) + ".");
    }
    check_member_count(name);
  }

  void record(const Rows& rows) {
    const std::int64_t sequence = rows.integer(kSequence);
    where_ = chat_name(walk_.number) + ", sequence " + std::to_string(sequence) + ": ";
    if (sequence != walk_.last + 1) {
      find("dense", "follows " + std::to_string(walk_.last) + ".");
    }
    walk_.last = sequence;
    check_text_count(rows);
    check_form(rows);
    if (rows.is_null(kUser)) find("reference", "its sender or subject is no user.");
    if (!rows.is_text(kContent) || rows.text(kContent).empty() ||
        !text::is_valid_utf8(rows.text(kContent))) {
      find("readable", "its text is not readable.");
    }
    check_client_id(rows);
  }

 private:
  void find(const char* rule, const std::string& what) { report_(rule, where_ + what); }

  void check_text_count(const Rows& rows) {
    if (rows.integer(kKind) == kText) ++walk_.text_count;
    const std::int64_t stored = rows.integer(kTextCount);
    if (stored == walk_.text_count) return;
    find("text_count", "its running count is " + std::to_string(stored) + ", not " +
                           std::to_string(walk_.text_count) + ".");
    walk_.text_count = stored;
  }

  void check_form(const Rows& rows) {
    const std::int64_t kind = rows.integer(kKind);
    const bool is_text = kind == kText;
    bool good = is_text || kind == chat::stored_kind<chat::MemberJoined>() ||
                kind == chat::stored_kind<chat::MemberLeft>();
    good = good && rows.is_blob(kId) && rows.blob(kId).size() == RecordId::kSize;
    // A text has a sender, a system message a subject and a count; never both.
    good = good && rows.is_null(kSender) != is_text && rows.is_null(kSubject) == is_text &&
           rows.is_null(kMemberCount) == is_text;
    if (!good) find("readable", "it has no known form.");
    if (!rows.is_null(kMemberCount)) walk_.member_count = rows.integer(kMemberCount);
  }

  // One that is stored in another form than a look-up asks for would be taken a second time.
  void check_client_id(const Rows& rows) {
    if (rows.is_null(kClientMsgId)) return;
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

  void check_member_count(const std::string& name) {
    if (!walk_.member_count) return;
    std::int64_t members = 0;
    {
      Rows rows = count_members_.query(walk_.chat);
      if (rows.next()) members = rows.integer(0);
    }
    if (members != *walk_.member_count) {
      report_("members", name + " has " + std::to_string(members) +
                             " members, its newest join or leave says " +
                             std::to_string(*walk_.member_count) + ".");
    }
  }

  Statement count_members_;
  const ReportFinding& report_;
  LogWalk walk_;
  std::string where_;
};

}  // namespace

std::int64_t check_logs(Database& database, const ReportFinding& report) {
  // The unique index gives the order; sorting the whole table would need its size on disk again.
  Statement all(database,
                "SELECT c.ref, h.head, c.number, r.sequence, r.kind, r.text_count, r.id, r.content,"
                " u.ref, h.text_count, r.sender, r.subject, r.member_count, r.client_msg_id"
                " FROM chats c LEFT JOIN heads h ON h.chat = c.ref"
                " LEFT JOIN records r INDEXED BY records_by_sequence ON r.chat = c.ref"
                " LEFT JOIN users u ON u.ref = coalesce(r.sender, r.subject)"
                " ORDER BY c.ref, r.sequence");
  std::int64_t records = 0;
  LogRules rules(database, report);
  Rows rows = all.query();
  while (rows.next()) {
    if (rows.integer(kChat) != rules.chat()) {
      rules.end();
      rules.begin(rows);
    }
    if (rows.is_null(kSequence)) continue;
    ++records;
    rules.record(rows);
  }
  rules.end();
  return records;
}

}  // namespace maru::sqlite
