#include "storage/sqlite/name_rules.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/text.hpp"

namespace maru::sqlite {
namespace {

bool equals(const Rows& rows, int column, std::string_view text) {
  return rows.is_text(column) && rows.text(column) == text;
}

void check_chat_names(Database& database, const ReportFinding& report) {
  Statement all(database, "SELECT number, name FROM chats");
  Rows rows = all.query();
  while (rows.next()) {
    if (text::is_valid_utf8(rows.text(1))) continue;
    report("readable", "The name of chat " + std::to_string(rows.integer(0)) + " is not readable.");
  }
}

class UserNameRules {
 public:
  UserNameRules(Database& database, const ReportFinding& report)
      : find_term_(database, "SELECT 1 FROM user_terms WHERE term = ?1 AND user = ?2"),
        report_(report) {}

  // Columns: ref, name, folded_name, search_name, deleted_at.
  void check(const Rows& rows) {
    const std::string_view name = rows.text(1);
    const std::string who = "user " + std::to_string(rows.integer(0));
    if (!text::is_valid_utf8(name)) {
      report_("readable", "The name of " + who + " is not readable.");
      return;
    }
    if (!rows.is_null(4)) {
      if (!rows.is_null(2) || !rows.is_null(3)) {
        report_("search", "The name of " + who + " is not free, though it was deleted.");
      }
      return;
    }
    if (!equals(rows, 2, text::fold_name(name))) {
      report_("search", "The name of " + who + " is held under another one.");
    }
    const std::vector<std::string> terms = text::name_search_terms(name);
    bool complete = equals(rows, 3, text::name_search_query(name));
    for (const std::string& term : terms) complete = has_term(term, rows.integer(0)) && complete;
    if (!complete) report_("search", "Not every part of the name of " + who + " finds it.");
  }

  void check_total(std::int64_t stored) {
    if (stored > found_) {
      report_("search", std::to_string(stored - found_) + " search terms are of no living user.");
    }
  }

 private:
  bool has_term(std::string_view term, std::int64_t user) {
    Rows rows = find_term_.query(term, user);
    const bool found = rows.next();
    if (found) ++found_;
    return found;
  }

  Statement find_term_;
  const ReportFinding& report_;
  std::int64_t found_ = 0;
};

}  // namespace

void check_names(Database& database, const ReportFinding& report) {
  check_chat_names(database, report);
  UserNameRules rules(database, report);
  {
    Statement all(database, "SELECT ref, name, folded_name, search_name, deleted_at FROM users");
    Rows rows = all.query();
    while (rows.next()) rules.check(rows);
  }
  rules.check_total(database.query_integer("SELECT count(*) FROM user_terms"));
}

}  // namespace maru::sqlite
