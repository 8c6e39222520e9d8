// `maru check` finds what is planted, and only that.
#include "storage/sqlite/check.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "storage/sqlite/schema.hpp"
#include "storage/sqlite/sqlite_store.hpp"
#include "storage/sqlite/testing/temporary_directory.hpp"
#include "storage/testing/documents.hpp"

namespace maru::sqlite {
namespace {

using storage_testing::make_chat;
using storage_testing::make_id;
using storage_testing::make_session;
using storage_testing::make_system;
using storage_testing::make_text;
using storage_testing::make_user;

struct Planted {
  const char* sql;
  const char* rule;  // one of the findings is of this rule
};

class CheckTest : public ::testing::TestWithParam<Planted> {
 protected:
  CheckTest() {
    StoreOptions options;
    options.data_dir = directory_.path();
    const auto store = std::move(SqliteStore::open(options).value());
    EXPECT_EQ(store->append(std::vector<chat::Change>{
                  make_user(1, "one"), make_user(2, "둘"), make_session(1, 1), make_chat(1, {1, 2}),
                  make_chat(2, {1, 2}, true), make_text(1, 1, 1, 1, "a"),
                  make_system(1, 2, storage_testing::left(2, 1), 1),
                  make_text(1, 3, 1, 2, std::nullopt, 2), make_text(2, 1, 2, 1)}),
              chat::Appended::kCommitted);
  }
  void alter(const char* sql) {
    Database database((directory_.path() / "maru.db").string(), OpenMode::kReadWrite);
    database.execute(sql);
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(CheckTest, AGoodStoreHasNoFindings) {
  const CheckReport report = check_data_directory(directory_.path());
  EXPECT_EQ(report.outcome, CheckOutcome::kClean);
  EXPECT_TRUE(report.findings.empty());
  EXPECT_EQ(report.users, 2);
  EXPECT_EQ(report.chats, 2);
  EXPECT_EQ(report.records, 4);
}

TEST_F(CheckTest, ReportsABoundedNumberOfFindings) {
  alter(
      "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 400)"
      " INSERT INTO records(chat, sequence, previous, id, kind, text_count, effect, created_at,"
      " actor, body) SELECT 1, i * 2, 0, zeroblob(12), 0, i, 0, 0, 1, 'x' FROM n");
  const CheckReport report = check_data_directory(directory_.path());
  EXPECT_EQ(report.findings.size(), 100u);
  EXPECT_GT(report.findings_total, 300u);
}

TEST_F(CheckTest, AnotherSchemaVersionIsNotRead) {
  for (const int version : {kSchemaVersion - 1, kSchemaVersion + 1}) {
    alter(("PRAGMA user_version=" + std::to_string(version)).c_str());
    EXPECT_EQ(check_data_directory(directory_.path()).outcome, CheckOutcome::kNoStore) << version;
  }
}

TEST_P(CheckTest, FindsWhatIsPlanted) {
  alter(GetParam().sql);
  const CheckReport report = check_data_directory(directory_.path());
  ASSERT_EQ(report.outcome, CheckOutcome::kFindings);
  bool found = false;
  for (const CheckFinding& finding : report.findings) {
    found |= finding.rule == GetParam().rule;
    EXPECT_FALSE(finding.detail.empty());
  }
  EXPECT_TRUE(found) << report.findings.front().rule << ": " << report.findings.front().detail;
}

constexpr Planted kPlanted[] = {
    {"DELETE FROM records WHERE chat = 1 AND sequence = 2", "dense"},
    {"DELETE FROM records WHERE chat = 1 AND sequence = 3", "head"},
    {"DELETE FROM records WHERE chat = 1 AND sequence = 1", "dense"},
    {"UPDATE heads SET sequence = 9 WHERE chat = 2", "head"},
    {"UPDATE heads SET ref = 1 WHERE chat = 2", "head"},
    {"UPDATE heads SET last_effect = 1 WHERE chat = 1", "head"},
    {"DELETE FROM heads WHERE chat = 2", "head"},
    {"UPDATE records SET previous = 2 WHERE ref = 1", "chain"},
    {"UPDATE records SET previous = 1 WHERE ref = 3", "chain"},
    {"UPDATE records SET sequence = 2 WHERE ref = 3", "dense"},
    {"UPDATE records SET effect = 2 WHERE ref = 3", "effect"},
    {"UPDATE records SET effect = 1 WHERE ref = 2", "members"},
    {"INSERT INTO marks VALUES(1, 0, x'01')", "mark"},
    {"UPDATE chats SET creation = x'80' WHERE ref = 1", "readable"},
    {"UPDATE chats SET creation = x'' WHERE ref = 1", "members"},
    {"UPDATE chats SET archived = 1 WHERE ref = 1", "members"},
    {"UPDATE members SET role = 0 WHERE chat = 1 AND user = 1", "members"},
    {"UPDATE members SET accepted = 0 WHERE chat = 1 AND user = 1", "members"},
    {"UPDATE heads SET text_count = 9 WHERE chat = 1", "text_count"},
    {"UPDATE records SET text_count = 7 WHERE chat = 1 AND sequence = 2", "text_count"},
    {"UPDATE records SET kind = 5 WHERE sequence = 2", "readable"},
    {"UPDATE records SET id = x'00' WHERE sequence = 2", "readable"},
    {"UPDATE records SET body = '' WHERE ref = 3", "readable"},
    {"UPDATE records SET body = CAST(x'ff41' AS TEXT) WHERE ref = 3", "readable"},
    {"UPDATE records SET actor = 77 WHERE chat = 1 AND sequence = 1", "reference"},
    {"UPDATE records SET chat = 77 WHERE chat = 2", "reference"},
    {"INSERT INTO members VALUES(1, 77, 0, 0, 0, 0, 1)", "reference"},
    {"INSERT INTO members VALUES(77, 1, 0, 0, 0, 0, 1)", "reference"},
    {"UPDATE sessions SET user = 77", "reference"},
    {"UPDATE chats SET owner = 77 WHERE ref = 1", "reference"},
    {"UPDATE chats SET pair_high = 77 WHERE ref = 2", "reference"},
    {"UPDATE members SET joined_at = 50 WHERE chat = 1 AND user = 1", "head"},
    {"UPDATE meta SET value = 1 WHERE name = 'last_number'", "number"},
    {"UPDATE meta SET value = 5 WHERE name = 'public_groups'", "total"},
    {"DELETE FROM meta WHERE name = 'public_groups'", "total"},
    {"DELETE FROM meta WHERE name = 'public_groups'", "meta"},
    {"DELETE FROM meta WHERE name = 'last_number'", "meta"},
    {"DELETE FROM meta WHERE name = 'last_number'", "number"},
    {"UPDATE meta SET value = 'x' WHERE name = 'last_number'", "meta"},
    {"DELETE FROM meta WHERE name = 'epoch'", "meta"},
    {"UPDATE meta SET value = 'short' WHERE name = 'epoch'", "meta"},
    {"DELETE FROM meta WHERE name = 'clean_mark'", "meta"},
    {"UPDATE meta SET value = 999 WHERE name = 'clean_mark'", "number"},
    {"DROP INDEX records_by_client_msg_id", "schema"},
    {"DROP INDEX records_by_client_msg_id;"
     "CREATE INDEX records_by_client_msg_id ON records(client_msg_id, chat, actor)",
     "schema"},
    {"DROP TABLE created_keys", "schema"},
    {"CREATE TRIGGER t AFTER INSERT ON records BEGIN DELETE FROM members; END", "schema"},
    {"UPDATE users SET deleted_at = 5, folded_name = NULL, search_name = NULL WHERE ref = 1",
     "members"},
    {"UPDATE users SET ending = 1 WHERE ref = 1", "readable"},
    {"UPDATE users SET ending = 2 WHERE ref = 1", "readable"},
    {"UPDATE users SET id = x'00' WHERE ref = 2", "readable"},
    {"UPDATE users SET id = '0123456789ab' WHERE ref = 2", "readable"},
    {"UPDATE users SET name = CAST(x'ff' AS TEXT) WHERE ref = 2", "readable"},
    {"UPDATE users SET type = 9 WHERE ref = 2", "readable"},
    {"UPDATE chats SET id = x'00' WHERE ref = 1", "readable"},
    {"UPDATE chats SET name = CAST(x'ff' AS TEXT) WHERE ref = 1", "readable"},
    {"UPDATE chats SET archived = 7 WHERE ref = 1", "readable"},
    {"UPDATE members SET role = 7 WHERE chat = 1", "readable"},
    {"UPDATE members SET entry = 3 WHERE chat = 1", "readable"},
    {"UPDATE members SET accepted = 2 WHERE chat = 1", "readable"},
    {"INSERT INTO quotas VALUES(77, 0, 5, 1)", "reference"},
    {"UPDATE sessions SET id = x'00'", "readable"},
    {"UPDATE sessions SET token = x'01'", "readable"},
    {"UPDATE sessions SET token = '01234567890123456789012345678901'", "readable"},
    {"UPDATE records SET body = CAST(body AS BLOB) WHERE ref = 1", "readable"},
    {"UPDATE records SET kind = 2 WHERE ref = 1", "readable"},
    {"UPDATE records SET fingerprint = 5 WHERE ref = 1", "fingerprint"},
    {"UPDATE records SET fingerprint = NULL WHERE ref = 1", "fingerprint"},
    {"UPDATE records SET fingerprint = 5 WHERE ref = 3", "fingerprint"},
    {"UPDATE records SET target = 1 WHERE ref = 3", "readable"},
    {"UPDATE records SET body = x'' WHERE ref = 2", "readable"},
    {"UPDATE records SET body = x'02FF' WHERE ref = 2", "readable"},
    {"UPDATE records SET body = x'02020107' WHERE ref = 2", "members"},
    {"UPDATE records SET body = x'02630101' WHERE ref = 2", "reference"},
    {"UPDATE records SET client_msg_id = x'00' WHERE ref = 1", "readable"},
    {"UPDATE records SET client_msg_id = 'a b' WHERE ref = 1", "readable"},
    {"UPDATE records SET client_msg_id = '01234567-89ab-cdef-0123-456789abcdef' WHERE ref = 1",
     "readable"},
    {"UPDATE records SET id = (SELECT id FROM records WHERE ref = 1) WHERE ref = 3", "unique"},
    {"DELETE FROM members WHERE chat = 1", "members"},
    {"INSERT INTO members VALUES(1, 2, 0, 1, 0, 0, 1)", "members"},
    {"UPDATE chats SET owner = 2 WHERE ref = 1", "members"},
    {"DELETE FROM members WHERE chat = 2 AND user = 1", "members"},
    {"WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 120)"
     " INSERT INTO members SELECT 1, i, 0, 0, i, 0, 1 FROM n",
     "members"},
    {"DELETE FROM user_terms WHERE user = 1", "search"},
    {"INSERT INTO user_terms VALUES('x', 1)", "search"},
    {"UPDATE users SET folded_name = 'zzz' WHERE ref = 1", "search"},
    {"UPDATE users SET search_name = 'zzz' WHERE ref = 1", "search"},
    {"UPDATE users SET deleted_at = 1 WHERE ref = 2", "search"},
    {"UPDATE users SET deleted_at = 1 WHERE ref = 1", "reference"},
};
INSTANTIATE_TEST_SUITE_P(All, CheckTest, ::testing::ValuesIn(kPlanted));

// What the check at start finds in the tail is refused there already.
TEST_F(CheckTest, AStoreWhoseTailDoesNotAgreeIsNotOpened) {
  StoreOptions options;
  options.data_dir = directory_.path();
  const std::string wind_back = "UPDATE meta SET value = 0 WHERE name = 'clean_mark';";
  for (const char* damage : {"UPDATE heads SET sequence = 9 WHERE chat = 1",
                             "UPDATE heads SET text_count = 9 WHERE chat = 1",
                             "UPDATE heads SET sequence = 3, text_count = 2 WHERE chat = 1;"
                             "UPDATE records SET previous = 2 WHERE ref = 3;"
                             "DELETE FROM records WHERE chat = 1 AND sequence = 2"}) {
    alter((wind_back + damage).c_str());
    const auto store = SqliteStore::open(options);
    ASSERT_FALSE(store) << damage;
    EXPECT_NE(store.error().detail.find("chat 1"), std::string::npos);
  }
  alter("DELETE FROM records; UPDATE meta SET value = 4 WHERE name = 'clean_mark'");
  EXPECT_FALSE(SqliteStore::open(options));
}

// A message would be taken twice, or a room number given twice.
TEST_F(CheckTest, AStoreWithoutAnIndexOrItsNumbersIsNotOpened) {
  StoreOptions options;
  options.data_dir = directory_.path();
  for (const auto& [damage, repair] : {
           std::pair{"DROP INDEX created_keys_by_age",
                     "CREATE INDEX created_keys_by_age ON created_keys(created_at)"},
           std::pair{"CREATE INDEX more ON records(created_at)", "DROP INDEX more"},
           std::pair{"UPDATE meta SET name = 'x' WHERE name = 'last_number'",
                     "UPDATE meta SET name = 'last_number' WHERE name = 'x'"},
           std::pair{"UPDATE meta SET value = 1 WHERE name = 'last_number'",
                     "UPDATE meta SET value = 2 WHERE name = 'last_number'"},
           std::pair{"UPDATE meta SET name = 'x' WHERE name = 'epoch'",
                     "UPDATE meta SET name = 'epoch' WHERE name = 'x'"},
       }) {
    alter(damage);
    const auto store = SqliteStore::open(options);
    ASSERT_FALSE(store) << damage;
    EXPECT_NE(store.error().detail.find("maru check"), std::string::npos);
    alter(repair);
  }
  const auto store = SqliteStore::open(options);
  EXPECT_TRUE(store) << store.error().detail;
}

// A log of three marks and a tail.
class LongLogTest : public ::testing::TestWithParam<Planted> {
 protected:
  LongLogTest() {
    StoreOptions options;
    options.data_dir = directory_.path();
    const auto store = std::move(SqliteStore::open(options).value());
    std::vector<chat::Change> batch{make_user(1, "one"), make_chat(1, {1}), make_chat(2, {1})};
    for (std::uint64_t n = 1; n <= 100; ++n) {
      batch.emplace_back(make_text(1, n, 1, n));
      if (n % 10 == 0) batch.emplace_back(make_text(2, n / 10, 1, n / 10));
    }
    EXPECT_EQ(store->append(batch), chat::Appended::kCommitted);
  }
  testing::TemporaryDirectory directory_;
};

TEST_P(LongLogTest, FindsWhatIsPlanted) {
  EXPECT_EQ(check_data_directory(directory_.path()).outcome, CheckOutcome::kClean);
  Database((directory_.path() / "maru.db").string(), OpenMode::kReadWrite).execute(GetParam().sql);
  const CheckReport report = check_data_directory(directory_.path());
  ASSERT_EQ(report.outcome, CheckOutcome::kFindings);
  EXPECT_EQ(report.findings.front().rule, GetParam().rule) << report.findings.front().detail;
}

INSTANTIATE_TEST_SUITE_P(
    All, LongLogTest,
    ::testing::Values(Planted{"DELETE FROM marks WHERE block = 1", "mark"},
                      Planted{"UPDATE marks SET block = 7 WHERE block = 2", "mark"},
                      Planted{"UPDATE marks SET refs = x'01'", "mark"},
                      Planted{"UPDATE marks SET refs = (SELECT refs FROM marks WHERE block = 0)"
                              " WHERE block = 2",
                              "mark"},
                      Planted{"UPDATE records SET previous = previous - 1 WHERE ref = 60", "chain"},
                      Planted{"UPDATE records SET sequence = 41 WHERE chat = 1 AND sequence = 42",
                              "dense"}));

TEST_F(CheckTest, LeavesNothingInADirectory) {
  const testing::TemporaryDirectory other;
  EXPECT_EQ(check_data_directory(other.path()).outcome, CheckOutcome::kNoStore);
  EXPECT_TRUE(std::filesystem::is_empty(other.path()));
  // A copy that came without the lock's file.
  std::filesystem::copy(directory_.path() / "maru.db", other.path() / "maru.db");
  EXPECT_EQ(check_data_directory(other.path()).outcome, CheckOutcome::kClean);
  EXPECT_FALSE(std::filesystem::exists(other.path() / "maru.lock"));
}

}  // namespace
}  // namespace maru::sqlite
