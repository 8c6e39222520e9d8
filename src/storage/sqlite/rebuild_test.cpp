// A store of version 3 that is opened becomes one of this version, and says what it said.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "storage/sqlite/check.hpp"
#include "storage/sqlite/schema.hpp"
#include "storage/sqlite/snapshot.hpp"
#include "storage/sqlite/sqlite_store.hpp"
#include "storage/sqlite/testing/store_v3.hpp"
#include "storage/sqlite/testing/temporary_directory.hpp"
#include "storage/testing/documents.hpp"

namespace maru::sqlite {
namespace {

using ::testing::HasSubstr;

class RebuildTest : public ::testing::Test {
 protected:
  RebuildTest() { options_.data_dir = directory_.path() / "data"; }

  [[nodiscard]] std::filesystem::path file() const { return options_.data_dir / "maru.db"; }
  [[nodiscard]] std::filesystem::path backup() const { return file().string() + ".v3.backup"; }

  // `more`: what is changed of it.
  void make_old_store(const char* more = "") {
    std::filesystem::create_directories(options_.data_dir);
    std::filesystem::permissions(options_.data_dir, std::filesystem::perms::owner_all);
    std::ofstream(file()).close();
    Database old(file().string(), OpenMode::kReadWrite);
    old.execute(("PRAGMA application_id=" + std::to_string(kApplicationId) +
                 "; PRAGMA user_version=3; BEGIN")
                    .c_str());
    old.execute(testing::kStoreV3);
    old.execute(more);
    old.execute("COMMIT; PRAGMA journal_mode=WAL");
  }
  void rebuild() {
    const auto store = SqliteStore::open(options_);
    ASSERT_TRUE(store) << store.error().detail;
  }
  void expect_clean() {
    const CheckReport report = check_data_directory(options_.data_dir);
    EXPECT_EQ(report.outcome, CheckOutcome::kClean)
        << (report.findings.empty() ? report.detail : report.findings.front().detail);
    EXPECT_EQ(report.records, 110);
    EXPECT_EQ(report.chats, 11);
    EXPECT_EQ(report.users, 9);
  }
  static std::vector<std::string> lines(const std::filesystem::path& path, const char* sql) {
    Database database(path.string(), OpenMode::kReadOnly);
    Statement statement(database, sql);
    std::vector<std::string> found;
    Rows rows = statement.query();
    while (rows.next()) found.emplace_back(rows.text(0));
    return found;
  }
  static std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  testing::TemporaryDirectory directory_;
  StoreOptions options_;
};

TEST_F(RebuildTest, EverythingThatWasKeptIsKept) {
  make_old_store();
  const auto epoch = lines(file(), "SELECT value FROM meta WHERE name = 'epoch'");
  rebuild();
  expect_clean();
  constexpr const char* kSame[] = {
      "SELECT hex(id) || name || coalesce(folded_name, '-') || type || password_hash || created_at"
      " || coalesce(deleted_at, '-') FROM users ORDER BY ref",
      "SELECT hex(id) || user || hex(token) || created_at || last_used_at FROM sessions ORDER BY 1",
      "SELECT hex(id) || number || name || personal || archived || coalesce(owner, '-') ||"
      " created_at FROM chats ORDER BY ref",
      "SELECT chat || ',' || user || ',' || role || ',' || joined_at || ',' || ordinal || ',' ||"
      " entry || ',' || accepted FROM members ORDER BY 1",
      "SELECT ref || ',' || chat || ',' || sequence || hex(id) || kind || ',' || text_count || ','"
      " || created_at || hex(client_msg_id) FROM records ORDER BY ref",
      "SELECT term || user FROM user_terms ORDER BY 1",
      "SELECT name || value FROM meta WHERE name NOT IN ('clean_mark', 'epoch') ORDER BY 1",
  };
  for (const char* sql : kSame) EXPECT_EQ(lines(file(), sql), lines(backup(), sql)) << sql;
  EXPECT_EQ(lines(file(), "SELECT body FROM records WHERE kind = 0 ORDER BY ref"),
            lines(backup(), "SELECT content FROM records WHERE kind = 0 ORDER BY ref"));
  EXPECT_EQ(lines(file(), "SELECT value FROM meta WHERE name = 'epoch'"), epoch);
  // Whoever puts the backup back goes back in time.
  EXPECT_NE(lines(backup(), "SELECT value FROM meta WHERE name = 'epoch'"), epoch);
  EXPECT_EQ(lines(backup(), "SELECT user_version FROM pragma_user_version"),
            std::vector<std::string>{"3"});
}

TEST_F(RebuildTest, JoinsAndLeavesSayWhatTheyMadeOfTheirChat) {
  make_old_store();
  rebuild();
  SqliteSnapshot snapshot(options_);
  snapshot.begin();
  // The second group: its owner left, and others revived it.
  const auto document = *snapshot.find_chat_by_number({2});
  ASSERT_TRUE(document);
  const auto records =
      *snapshot.read_records(document->chat.id, chat::RecordRange::kNewest, {}, 100);
  std::vector<std::tuple<bool, bool, std::uint32_t>> said;  // archived, has an owner, members
  for (const chat::RecordPtr& record : records) {
    EXPECT_EQ(chat::has_effect(*record), chat::text_of(*record) == nullptr);
    if (const auto* body = chat::system_of(*record)) {
      said.emplace_back(body->archived, body->owner.has_value(), body->member_count);
    }
  }
  using Said = std::tuple<bool, bool, std::uint32_t>;
  EXPECT_THAT(
      said, ::testing::ElementsAre(Said{true, false, 0}, Said{false, true, 1}, Said{true, false, 0},
                                   Said{false, true, 1}, Said{false, true, 2}));
  snapshot.end();
}

TEST_F(RebuildTest, ItIsWrittenOnAsBefore) {
  make_old_store();
  {
    const auto store = std::move(*SqliteStore::open(options_));
    ChatId chat;
    {
      SqliteSnapshot snapshot(options_);
      snapshot.begin();
      chat = (*snapshot.find_chat_by_number({9}))->chat.id;
      snapshot.end();
    }
    const chat::ChatState state = **store->load_chat(chat);
    std::vector<chat::Change> batch;
    for (std::uint64_t n = 1; n <= 40; ++n) {
      chat::Record record = *storage_testing::make_text(7, state.head.value + n, 1, 0).record;
      record.chat = chat;
      record.actor = state.members.front().user;
      record.text_count = state.text_count + n;
      record.last_effect = state.last_effect;
      batch.emplace_back(chat::RecordAppended{std::make_shared<chat::Record>(record)});
    }
    ASSERT_EQ(store->append(batch), chat::Appended::kCommitted);
  }
  EXPECT_EQ(check_data_directory(options_.data_dir).outcome, CheckOutcome::kClean);
}

// What no program of ours has written, but who knows: the log is what counts.
TEST_F(RebuildTest, WhatIsKeptBesideTheLogBecomesWhatTheLogSays) {
  make_old_store(
      "UPDATE chats SET archived = 1 WHERE number = 1;"
      "UPDATE members SET role = 0 WHERE chat = 4;"
      "UPDATE chats SET owner = (SELECT user FROM members WHERE chat = 4 AND role = 0 LIMIT 1)"
      " WHERE ref = 4;"
      "DELETE FROM members WHERE chat = 4 AND joined_at > 0;"
      "UPDATE meta SET value = value - 1 WHERE name = 'public_groups'");
  rebuild();
  expect_clean();
}

TEST_F(RebuildTest, WhatCannotBeReadIsLeftAsItIs) {
  make_old_store("DROP TABLE quotas");
  const std::string before = read_file(file());
  const auto store = SqliteStore::open(options_);
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().detail, HasSubstr("cannot be written anew"));
  EXPECT_EQ(read_file(file()), before);
  EXPECT_FALSE(std::filesystem::exists(file().string() + ".rebuilt"));
  EXPECT_FALSE(std::filesystem::exists(backup()));
}

TEST_F(RebuildTest, AKillAtAnyMomentLeavesAStoreThatTheNextStartOpens) {
  std::mt19937_64 random(20'261'128);
  int killed = 0;
  int finished = 0;
  for (int round = 0; round < 60; ++round) {
    std::filesystem::remove_all(options_.data_dir);
    make_old_store();
    const pid_t child = ::fork();
    if (child == 0) ::_exit(SqliteStore::open(options_) ? 0 : 1);
    ::usleep(static_cast<useconds_t>(random() % 20'000));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    (WIFSIGNALED(status) ? killed : finished) += 1;
    // At no moment is there no store.
    ASSERT_TRUE(std::filesystem::exists(file())) << round;
    rebuild();
    expect_clean();
    ASSERT_TRUE(std::filesystem::exists(backup())) << round;
    EXPECT_FALSE(std::filesystem::exists(file().string() + ".rebuilt"));
  }
  EXPECT_GT(killed, 5);
}

// Refused at once where it cannot fit; given up where it does not after all.
TEST_F(RebuildTest, AFullDiskLeavesTheOldStore) {
  const std::filesystem::path mount = directory_.path() / "mount";
  std::filesystem::create_directory(mount);
  if (::geteuid() != 0 || ::mount("tmpfs", mount.c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "may not mount";
  }
  options_.data_dir = mount / "data";
  make_old_store();
  const auto size = std::filesystem::file_size(file());
  const std::string before = read_file(file());
  for (const std::uintmax_t free : {size / 2, size}) {
    struct statvfs now{};
    ::statvfs(mount.c_str(), &now);
    const auto ballast = now.f_bavail * now.f_frsize - free - 8 * now.f_frsize;
    std::ofstream(mount / "ballast") << std::string(ballast, 'x');
    const auto store = SqliteStore::open(options_);
    ASSERT_FALSE(store) << free;
    EXPECT_EQ(store.error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(read_file(file()), before);
    std::filesystem::remove(mount / "ballast");
  }
  rebuild();
  expect_clean();
  ::umount2(mount.c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace maru::sqlite
