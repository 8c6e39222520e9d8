// Opening, closing, locking, migrating: what an operator meets.
#include "storage/sqlite/sqlite_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>

#include "storage/sqlite/check.hpp"
#include "storage/sqlite/database.hpp"
#include "storage/sqlite/epoch.hpp"
#include "storage/sqlite/schema.hpp"
#include "storage/sqlite/testing/schema_v1.hpp"
#include "storage/sqlite/testing/temporary_directory.hpp"
#include "storage/testing/documents.hpp"

namespace maru::sqlite {
namespace {

using storage_testing::make_chat;
using storage_testing::make_id;
using storage_testing::make_text;
using storage_testing::make_user;
using ::testing::HasSubstr;

class SqliteStoreTest : public ::testing::Test {
 protected:
  SqliteStoreTest() {
    options_.data_dir = directory_.path() / "deep" / "data";
    options_.fatal = [this](std::string_view reason) { fatal_ = reason; };
  }
  Result<std::unique_ptr<SqliteStore>> open() { return SqliteStore::open(options_); }
  std::unique_ptr<SqliteStore> must_open() {
    auto store = open();
    if (!store) {
      ADD_FAILURE() << store.error().detail;
      return nullptr;
    }
    return std::move(*store);
  }
  [[nodiscard]] std::filesystem::path file() const { return options_.data_dir / "maru.db"; }
  static std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::vector<chat::Change> first_batch() {
    return {make_user(1, "one"), make_user(2, "two"), make_chat(1, {1, 2}),
            make_text(1, 1, 1, 1, "a"), make_text(1, 2, 2, 2)};
  }

  testing::TemporaryDirectory directory_;
  StoreOptions options_;
  std::string fatal_;
};

TEST_F(SqliteStoreTest, ForgetsNothingAcrossAnOrderlyClose) {
  std::string epoch;
  {
    const auto store = must_open();
    epoch = store->epoch();
    EXPECT_EQ(epoch.size(), 24u);
    ASSERT_EQ(store->append(first_batch()), chat::Appended::kCommitted);
  }
  // The log was copied and removed, and the next start has no tail to check.
  EXPECT_FALSE(std::filesystem::exists(file().string() + "-wal"));
  const auto store = must_open();
  EXPECT_EQ(store->epoch(), epoch);
  EXPECT_EQ(store->load_chat(make_id<ChatId>(1))->value().head.value, 2u);
  EXPECT_EQ(store->load_last_number()->value, 1);
}

TEST_F(SqliteStoreTest, EachStoreHasItsOwnEpoch) {
  const std::string first = must_open()->epoch();
  options_.data_dir = directory_.path() / "other";
  EXPECT_NE(must_open()->epoch(), first);
}

TEST_F(SqliteStoreTest, ARestoredStoreGetsAFreshEpoch) {
  std::string epoch;
  {
    const auto store = must_open();
    epoch = store->epoch();
    ASSERT_EQ(store->append(first_batch()), chat::Appended::kCommitted);
    const auto renewed = renew_epoch(options_.data_dir);
    ASSERT_FALSE(renewed);
    EXPECT_TRUE(is_locked(renewed.error()));
  }
  const auto renewed = renew_epoch(options_.data_dir);
  ASSERT_TRUE(renewed) << renewed.error().detail;
  EXPECT_EQ(check_data_directory(options_.data_dir).outcome, CheckOutcome::kClean);
  const auto store = must_open();
  EXPECT_EQ(store->epoch().size(), 24u);
  EXPECT_NE(store->epoch(), epoch);
  EXPECT_EQ(store->load_chat(make_id<ChatId>(1))->value().head.value, 2u);
}

TEST_F(SqliteStoreTest, AnEpochIsRenewedInAStoreOfOursOnly) {
  EXPECT_THAT(renew_epoch(directory_.path() / "absent").error().detail, HasSubstr("absent"));
  std::filesystem::create_directories(options_.data_dir);
  EXPECT_THAT(renew_epoch(options_.data_dir).error().detail, HasSubstr("There is no store"));
  std::ofstream(file()) << "hello";
  EXPECT_THAT(renew_epoch(options_.data_dir).error().detail, HasSubstr("not a store of Maru"));
  EXPECT_EQ(read_file(file()), "hello");
}

TEST_F(SqliteStoreTest, KeepsItsFilesFromOthers) {
  const auto store = must_open();
  ASSERT_EQ(store->append(first_batch()), chat::Appended::kCommitted);
  struct stat status{};
  ASSERT_EQ(::stat(options_.data_dir.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  for (const char* name : {"maru.db", "maru.db-wal", "maru.db-shm", "maru.lock"}) {
    ASSERT_EQ(::stat((options_.data_dir / name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(SqliteStoreTest, RefusesADirectoryThatAnotherProcessUses) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto lock = DirectoryLock::acquire(options_.data_dir, DirectoryLock::Mode::kCreate);
    const char sign = lock ? 'y' : 'n';
    if (::write(ready[1], &sign, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char sign = 0;
  ASSERT_EQ(::read(ready[0], &sign, 1), 1);
  ASSERT_EQ(sign, 'y');
  const auto store = open();
  ASSERT_FALSE(store);
  EXPECT_TRUE(is_locked(store.error()));
  EXPECT_THAT(store.error().detail, HasSubstr("in use by another process"));
  EXPECT_THAT(store.error().detail, HasSubstr(std::to_string(child)));
  EXPECT_EQ(check_data_directory(options_.data_dir).outcome, CheckOutcome::kLocked);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  // A killed owner leaves no lock behind.
  EXPECT_TRUE(open());
}

TEST_F(SqliteStoreTest, LocksWithinOneProcessToo) {
  const auto store = must_open();
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_TRUE(is_locked(second.error()));
}

TEST_F(SqliteStoreTest, LeavesAForeignFileAsItIs) {
  std::filesystem::create_directories(options_.data_dir);
  std::string sqlite_file;
  {
    const std::string path = directory_.path() / "foreign.db";
    std::ofstream(path).close();
    Database foreign(path, OpenMode::kReadWrite);
    foreign.execute("CREATE TABLE mine(x); INSERT INTO mine VALUES(1)");
    sqlite_file = read_file(path);
  }
  for (const std::string& content :
       {std::string("hello"), std::string(5000, 'x'), std::string(), sqlite_file}) {
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << content;
    const auto store = open();
    ASSERT_FALSE(store);
    EXPECT_FALSE(is_locked(store.error()));
    EXPECT_THAT(store.error().detail, HasSubstr("not a store of Maru"));
    EXPECT_EQ(read_file(file()), content);
    EXPECT_EQ(check_data_directory(options_.data_dir).outcome, CheckOutcome::kNoStore);
  }
}

TEST_F(SqliteStoreTest, SaysWhatIsWrongWithAPath) {
  std::ofstream(directory_.path() / "file") << "x";
  options_.data_dir = directory_.path() / "file";
  EXPECT_THAT(open().error().detail, HasSubstr("is not a directory"));
  options_.data_dir = directory_.path() / "file" / "below";
  EXPECT_THAT(open().error().detail, HasSubstr("file/below"));
  options_.data_dir = "/proc/maru";
  EXPECT_THAT(open().error().detail, HasSubstr("cannot be created"));
  options_.data_dir = "/proc";
  EXPECT_THAT(open().error().detail, HasSubstr("/proc/maru.lock"));
  EXPECT_EQ(check_data_directory(directory_.path() / "absent").outcome, CheckOutcome::kNoStore);
}

TEST_F(SqliteStoreTest, RefusesAStoreWhoseFileIsGoneButNotItsLog) {
  must_open().reset();
  std::filesystem::remove(file());
  std::ofstream(file().string() + "-wal") << "frames";
  EXPECT_THAT(open().error().detail, HasSubstr("restore the file"));
  EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(SqliteStoreTest, RefusesAStoreThatANewerMaruWrote) {
  must_open().reset();
  {
    Database database(file().string(), OpenMode::kReadWrite);
    database.execute("PRAGMA user_version=7");
  }
  const std::string before = read_file(file());
  const auto store = open();
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().detail, HasSubstr("newer Maru (schema version 7, this one knows " +
                                              std::to_string(kSchemaVersion) + ")"));
  EXPECT_EQ(read_file(file()), before);
}

constexpr int kNow = kSchemaVersion;

class MigrationTest : public SqliteStoreTest {
 protected:
  void SetUp() override {
    {
      const auto store = must_open();
      ASSERT_EQ(store->append(first_batch()), chat::Appended::kCommitted);
    }
    database_.emplace(file().string(), OpenMode::kReadWrite);
  }
  std::int64_t version() { return database_->query_integer("PRAGMA user_version"); }
  [[nodiscard]] std::string backup() const {
    return file().string() + ".v" + std::to_string(kNow) + ".backup";
  }
  std::optional<Database> database_;
};

TEST_F(MigrationTest, RunsEveryStepAfterABackup) {
  const Migration steps[] = {{kNow + 1, "UPDATE extra SET x = x * 10"},
                             {kNow, "CREATE TABLE extra(x); INSERT INTO extra VALUES(4)"}};
  const auto migrated = migrate(*database_, file(), steps, kNow + 2);
  ASSERT_TRUE(migrated) << migrated.error().detail;
  EXPECT_EQ(version(), kNow + 2);
  EXPECT_EQ(database_->query_integer("SELECT x FROM extra"), 40);
  EXPECT_EQ(database_->query_integer("SELECT count(*) FROM records"), 2);
  struct stat status{};
  ASSERT_EQ(::stat(backup().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  Database old(backup(), OpenMode::kReadOnly);
  EXPECT_EQ(old.query_integer("PRAGMA user_version"), kNow);
  EXPECT_EQ(old.query_integer("SELECT count(*) FROM records"), 2);
  EXPECT_EQ(old.query_integer("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'"), 0);
  const auto epoch = [](Database& database) {
    return database.query_text("SELECT value FROM meta WHERE name = 'epoch'");
  };
  // Put back, the copy must not be taken for the store that went on.
  EXPECT_EQ(epoch(old).size(), 24u);
  EXPECT_NE(epoch(old), epoch(*database_));
  EXPECT_FALSE(std::filesystem::exists(backup() + ".partial"));
}

TEST_F(MigrationTest, ChangesNothingWhenAStepFails) {
  const Migration steps[] = {{kNow, "CREATE TABLE extra(x)"},
                             {kNow + 1, "UPDATE nowhere SET x = 1"}};
  const auto migrated = migrate(*database_, file(), steps, kNow + 2);
  ASSERT_FALSE(migrated);
  EXPECT_THAT(migrated.error().detail, HasSubstr("schema version " + std::to_string(kNow + 2)));
  EXPECT_EQ(version(), kNow);
  EXPECT_EQ(database_->query_integer("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'"), 0);
  database_.reset();
  EXPECT_TRUE(open());
}

TEST_F(MigrationTest, RefusesAVersionWithoutAWayForward) {
  const auto migrated = migrate(*database_, file(), {}, kNow + 1);
  ASSERT_FALSE(migrated);
  EXPECT_THAT(migrated.error().detail, HasSubstr("no way forward"));
  EXPECT_EQ(version(), kNow);
}

TEST_F(MigrationTest, DoesNothingAtItsVersion) {
  ASSERT_TRUE(migrate(*database_, file(), {}, kNow));
  EXPECT_FALSE(std::filesystem::exists(backup()));
}

// Everything in the schema.
std::vector<std::string> schema_of(const std::filesystem::path& path) {
  Database database(path.string(), OpenMode::kReadOnly);
  Statement all(database,
                "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM"
                " sqlite_schema ORDER BY type, name");
  std::vector<std::string> lines;
  Rows rows = all.query();
  while (rows.next()) lines.emplace_back(rows.text(0));
  return lines;
}

TEST_F(SqliteStoreTest, AStoreOfVersionOneBecomesWhatANewOneIs) {
  std::filesystem::create_directories(options_.data_dir);
  std::ofstream(file()).close();
  {
    Database old(file().string(), OpenMode::kReadWrite);
    old.execute(
        ("PRAGMA application_id=" + std::to_string(kApplicationId) + "; PRAGMA user_version=1")
            .c_str());
    old.execute(testing::kSchemaV1);
    old.execute(
        "INSERT INTO users(ref, id, name, folded_name, search_name, type, password_hash, "
        "created_at,"
        " updated_at) VALUES(1, x'650000000000000000000001', 'one', 'one', 'one', 1, 'hash', 5, "
        "6)");
    old.execute("INSERT INTO user_terms VALUES('one', 1), ('ne', 1), ('e', 1)");
    // A group that one made with two and that three has joined, and a 1:1 that one opened.
    old.execute(
        "INSERT INTO users(ref, id, name, type, password_hash, created_at, updated_at, deleted_at)"
        " VALUES(2, x'650000000000000000000002', '#2', 0, '', 5, 6, 7),"
        " (3, x'650000000000000000000003', '#3', 0, '', 5, 6, 7);"
        "INSERT INTO chats VALUES(1, x'650000000000000000000001', 1, 'group', 0, 0, 1, 5, NULL,"
        " NULL), (2, x'650000000000000000000002', 2, 'pair', 1, 0, 1, 5, 1, 2);"
        "INSERT INTO heads VALUES(1, 1, 0, 5), (2, 0, 0, 5);"
        "INSERT INTO members VALUES(1, 1, 2, 0, 0), (1, 2, 0, 0, 1), (1, 3, 0, 1, 0),"
        " (2, 1, 2, 0, 0), (2, 2, 0, 0, 1);"
        "INSERT INTO records(chat, sequence, id, kind, text_count, created_at, subject,"
        " member_count, content) VALUES(1, 1, x'650000000000000000000001', 1, 0, 5, 3, 3, 'in');"
        "UPDATE meta SET value = 2 WHERE name = 'last_number';"
        "UPDATE meta SET value = 1 WHERE name = 'public_groups'");
  }
  {
    const auto store = must_open();
    ASSERT_TRUE(store);
    const auto user = store->load_user_by_name("one");
    ASSERT_TRUE(user && *user);
    EXPECT_EQ((*user)->password_hash, "hash");
    using chat::Entry;
    const auto entries = [&](std::uint32_t chat) {
      std::vector<Entry> found;
      const auto state = *store->load_chat(make_id<ChatId>(chat));
      for (const auto& member : state->members) {
        EXPECT_TRUE(member.accepted);
        found.push_back(member.entry);
      }
      return found;
    };
    EXPECT_EQ(entries(1), (std::vector{Entry::kOwn, Entry::kPutIn, Entry::kOwn}));
    EXPECT_EQ(entries(2), (std::vector{Entry::kOwn, Entry::kOpenedToMe}));
    ASSERT_EQ(store->append(
                  std::vector<chat::Change>{chat::LoginFailuresNoted{{chat::LoginKey{7}, 3, {9}}}}),
              chat::Appended::kCommitted);
  }
  Database backup(file().string() + ".v1.backup", OpenMode::kReadOnly);
  EXPECT_EQ(backup.query_integer("PRAGMA user_version"), 1);
  EXPECT_EQ(backup.query_integer("SELECT count(*) FROM users"), 3);
  EXPECT_EQ(check_data_directory(options_.data_dir).outcome, CheckOutcome::kClean);
  const auto migrated = schema_of(file());
  options_.data_dir = directory_.path() / "new";
  must_open().reset();
  EXPECT_EQ(migrated, schema_of(file()));
}

// In place, not written anew.
TEST_F(SqliteStoreTest, AStoreOfVersionFourBecomesWhatANewOneIs) {
  {
    const auto store = must_open();
    ASSERT_EQ(store->append(first_batch()), chat::Appended::kCommitted);
  }
  const auto expected = schema_of(file());
  {
    Database old(file().string(), OpenMode::kReadWrite);
    old.execute(
        "DROP INDEX users_ending; ALTER TABLE users DROP COLUMN ending; PRAGMA user_version=4");
    ASSERT_NE(schema_of(file()), expected);
  }
  {
    const auto store = must_open();
    EXPECT_EQ(store->load_chat(make_id<ChatId>(1))->value().head.value, 2u);
    ASSERT_EQ(store->append(std::vector<chat::Change>{
                  chat::UserEnded{make_id<UserId>(1), "(deleted)", {9'000}}}),
              chat::Appended::kCommitted);
  }
  EXPECT_EQ(schema_of(file()), expected);
  EXPECT_EQ(check_data_directory(options_.data_dir).outcome, CheckOutcome::kClean);
  Database backup(file().string() + ".v4.backup", OpenMode::kReadOnly);
  EXPECT_EQ(backup.query_integer("PRAGMA user_version"), 4);
  EXPECT_EQ(backup.query_integer("SELECT count(*) FROM records"), 2);
}

TEST_F(SqliteStoreTest, KeepsTheLogShortInIdleMoments) {
  const auto store = must_open();
  ASSERT_EQ(store->append(first_batch()), chat::Appended::kCommitted);
  EXPECT_GT(store->wal_bytes(), 0u);
  store->idle({10'000});
  // The log was copied: the next commit begins it again.
  ASSERT_EQ(store->append(std::vector<chat::Change>{make_text(1, 3, 1, 3)}),
            chat::Appended::kCommitted);
  EXPECT_LT(store->wal_bytes(), 64u * 1024);
  const std::uint64_t before = store->wal_bytes();
  store->idle({10'500});  // too soon after the last
  ASSERT_EQ(store->append(std::vector<chat::Change>{make_text(1, 4, 1, 4)}),
            chat::Appended::kCommitted);
  EXPECT_GT(store->wal_bytes(), before);
}

TEST_F(SqliteStoreTest, KeepsTheLogWithinItsBoundUnderLoad) {
  options_.wal_bytes_max = 256 * 1024;
  const auto store = must_open();
  ASSERT_EQ(store->append(first_batch()), chat::Appended::kCommitted);
  std::uint64_t highest = 0;
  for (std::uint64_t n = 3; n < 600; ++n) {
    ASSERT_EQ(store->append(std::vector<chat::Change>{make_text(1, n, 1, n)}),
              chat::Appended::kCommitted);
    store->after_release();
    highest = std::max(highest, store->wal_bytes());
  }
  EXPECT_GT(highest, 128u * 1024);
  EXPECT_LT(highest, 512u * 1024);
  // Without a single idle moment the next start has only the newest records to check.
  Database reader(file().string(), OpenMode::kReadOnly);
  EXPECT_GT(read_meta(reader, kMetaCleanMark), 300);
}

// What a checkpoint takes is the number of pages it copies: small batches write the same ones.
TEST_F(SqliteStoreTest, CopiesTheLogAfterSoManyChanges) {
  options_.checkpoint_changes = 100;
  const auto store = must_open();
  ASSERT_EQ(store->append(first_batch()), chat::Appended::kCommitted);
  const auto mark = [&] {
    Database reader(file().string(), OpenMode::kReadOnly);
    return read_meta(reader, kMetaCleanMark);
  };
  std::vector<chat::Change> texts;
  for (std::uint64_t n = 3; n < 93; ++n) texts.push_back(make_text(1, n, 1, n));
  ASSERT_EQ(store->append(texts), chat::Appended::kCommitted);
  store->after_release();
  EXPECT_EQ(mark(), 0);
  texts.clear();
  for (std::uint64_t n = 93; n < 113; ++n) texts.push_back(make_text(1, n, 1, n));
  ASSERT_EQ(store->append(texts), chat::Appended::kCommitted);
  store->after_release();
  EXPECT_EQ(mark(), 112);
}

// Replies of a batch wait for its append, so an append does not checkpoint.
TEST_F(SqliteStoreTest, AppendLeavesTheCheckpointToAfterRelease) {
  options_.wal_bytes_max = 64 * 1024;
  const auto store = must_open();
  ASSERT_EQ(store->append(first_batch()), chat::Appended::kCommitted);
  std::uint64_t n = 3;
  const auto append = [&] {
    ASSERT_EQ(store->append(std::vector<chat::Change>{make_text(1, n, 1, n)}),
              chat::Appended::kCommitted);
    ++n;
  };
  const auto mark = [&] {
    return Database(file().string(), OpenMode::kReadOnly)
        .query_integer("SELECT value FROM meta WHERE name = 'clean_mark'");
  };
  while (store->wal_bytes() < 3 * options_.wal_bytes_max) append();
  EXPECT_EQ(mark(), 0);
  store->after_release();
  EXPECT_EQ(mark(), static_cast<std::int64_t>(n - 1));
  append();
  EXPECT_LT(store->wal_bytes(), options_.wal_bytes_max);
}

// A child appends and reports each acknowledged append until it is killed.
TEST_F(SqliteStoreTest, KeepsEveryAcknowledgedRecordThroughKills) {
  ASSERT_EQ(must_open()->append(first_batch()), chat::Appended::kCommitted);
  std::uint64_t acknowledged = 2;
  for (int round = 0; round < 8; ++round) {
    int acks[2];
    ASSERT_EQ(::pipe(acks), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto store = SqliteStore::open(options_);
      if (!store) ::_exit(1);
      std::uint64_t n = (*store)->load_chat(make_id<ChatId>(1))->value().head.value;
      for (;;) {
        std::vector<chat::Change> batch;
        for (int i = 0; i < 20; ++i, ++n) batch.emplace_back(make_text(1, n + 1, 1, n + 1));
        if ((*store)->append(batch) != chat::Appended::kCommitted) ::_exit(2);
        if (::write(acks[1], &n, sizeof n) != sizeof n) ::_exit(3);
        (*store)->after_release();
        if (round % 2 == 1) (*store)->idle({static_cast<std::int64_t>(n) * 100});
      }
    }
    ::close(acks[1]);
    std::uint64_t n = 0;
    for (int i = 0; i < 5 + round; ++i) {
      ASSERT_EQ(::read(acks[0], &n, sizeof n), static_cast<ssize_t>(sizeof n));
      acknowledged = n;
    }
    ::kill(child, SIGKILL);
    while (::read(acks[0], &n, sizeof n) == static_cast<ssize_t>(sizeof n)) acknowledged = n;
    ::close(acks[0]);
    ::waitpid(child, nullptr, 0);
    const CheckReport report = check_data_directory(options_.data_dir);
    EXPECT_EQ(report.outcome, CheckOutcome::kClean)
        << (report.findings.empty() ? report.detail : report.findings.front().detail);
    const auto store = must_open();
    ASSERT_TRUE(store);
    EXPECT_GE(store->load_chat(make_id<ChatId>(1))->value().head.value, acknowledged);
  }
}

TEST_F(SqliteStoreTest, IsReadyAtOnce) {
  must_open().reset();
  const auto start = std::chrono::steady_clock::now();
  must_open().reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

}  // namespace
}  // namespace maru::sqlite
