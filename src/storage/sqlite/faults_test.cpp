// A disk that is full, fails or lies, and files that are damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "base/log.hpp"
#include "storage/sqlite/check.hpp"
#include "storage/sqlite/snapshot.hpp"
#include "storage/sqlite/sqlite_store.hpp"
#include "storage/sqlite/testing/fault_vfs.hpp"
#include "storage/sqlite/testing/temporary_directory.hpp"
#include "storage/testing/documents.hpp"

namespace maru::sqlite {
namespace {

using chat::Appended;
using storage_testing::make_chat;
using storage_testing::make_id;
using storage_testing::make_text;
using storage_testing::make_user;
using ::testing::HasSubstr;

struct Mount {
  std::filesystem::path path;
  ~Mount() { ::umount2(path.c_str(), MNT_DETACH); }
};

class FaultsTest : public ::testing::Test {
 protected:
  FaultsTest() {
    options_.data_dir = directory_.path() / "data";
    options_.fatal = [this](std::string_view reason) { fatal_ = reason; };
  }
  void TearDown() override { log::configure(log::Format::kText, log::Level::kInfo); }

  void open() {
    store_.reset();
    auto opened = SqliteStore::open(options_);
    ASSERT_TRUE(opened) << opened.error().detail;
    store_ = std::move(*opened);
  }
  void open_with_chat() {
    open();
    ASSERT_EQ(store_->append(std::vector<chat::Change>{make_user(1, "one"), make_chat(1, {1})}),
              Appended::kCommitted);
  }
  // One text of `bytes` characters.
  Appended send(std::size_t bytes = 10) {
    auto change = make_text(1, head_ + 1, 1, head_ + 1);
    auto record = *change.record;
    record.body = chat::Text{std::string(bytes, 'x'), {}};
    change.record = std::make_shared<chat::Record>(record);
    const auto appended = store_->append(std::vector<chat::Change>{change});
    if (appended == Appended::kCommitted) ++head_;
    store_->after_release();
    return appended;
  }
  std::uint64_t stored_head() { return store_->load_chat(make_id<ChatId>(1))->value().head.value; }
  void expect_clean() {
    store_.reset();
    const CheckReport report = check_data_directory(options_.data_dir);
    EXPECT_EQ(report.outcome, CheckOutcome::kClean) << report.detail;
    for (const CheckFinding& finding : report.findings) ADD_FAILURE() << finding.detail;
  }

  testing::TemporaryDirectory directory_;
  testing::FaultVfs vfs_;
  StoreOptions options_;
  std::string fatal_;
  std::unique_ptr<SqliteStore> store_;
  std::uint64_t head_ = 0;
};

TEST_F(FaultsTest, AFullDiskRefusesAndRecovers) {
  options_.vfs = vfs_.name();
  open_with_chat();
  ASSERT_EQ(send(), Appended::kCommitted);
  for (const int code : {SQLITE_FULL, SQLITE_IOERR_WRITE}) {
    vfs_.fail_writes(code);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(send(), Appended::kUnavailable);
    EXPECT_EQ(stored_head(), head_);
    store_->idle({1'000'000 + code * 10'000});
    vfs_.fail_writes(SQLITE_OK);
    EXPECT_EQ(send(), Appended::kCommitted);
    EXPECT_EQ(stored_head(), head_);
  }
  EXPECT_TRUE(fatal_.empty());
  expect_clean();
}

TEST_F(FaultsTest, AFileThatMayNotGrowRefusesAndRecovers) {
  options_.page_count_max = 60;
  open_with_chat();
  int sent = 0;
  Appended last{};
  while ((last = send(4000)) == Appended::kCommitted) ASSERT_LT(++sent, 100);
  EXPECT_EQ(last, Appended::kUnavailable);
  EXPECT_GT(sent, 3);
  EXPECT_EQ(stored_head(), head_);
  EXPECT_TRUE(fatal_.empty());
  options_.page_count_max = 0;
  store_.reset();
  open();
  EXPECT_EQ(send(4000), Appended::kCommitted);
  expect_clean();
}

// A real file system, where we may mount one.
TEST_F(FaultsTest, AFullFileSystemRefusesAndRecovers) {
  const std::filesystem::path mount = directory_.path() / "mount";
  std::filesystem::create_directory(mount);
  if (::geteuid() != 0 || ::mount("tmpfs", mount.c_str(), "tmpfs", 0, "size=2m") != 0) {
    GTEST_SKIP() << "may not mount";
  }
  const Mount unmount{mount};
  options_.data_dir = mount / "data";
  options_.wal_bytes_max = 512 * 1024;
  open_with_chat();
  const std::filesystem::path ballast = mount / "ballast";
  std::ofstream(ballast) << std::string(1024 * 1024, 'x');
  Appended last{};
  for (int i = 0; i < 2000 && (last = send(4000)) == Appended::kCommitted; ++i) {
  }
  EXPECT_EQ(last, Appended::kUnavailable);
  EXPECT_EQ(stored_head(), head_);
  store_->idle({1'000'000});
  std::filesystem::remove(ballast);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(send(400), Appended::kCommitted);
  EXPECT_EQ(stored_head(), head_);
  EXPECT_TRUE(fatal_.empty());
  expect_clean();
  // Read-only: opening says so, and the check reads it all the same.
  EXPECT_EQ(::mount("tmpfs", mount.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr), 0);
  const CheckReport report = check_data_directory(options_.data_dir);
  EXPECT_EQ(report.outcome, CheckOutcome::kClean) << report.detail;
  EXPECT_EQ(report.records, static_cast<std::int64_t>(head_));
  const auto opened = SqliteStore::open(options_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().detail, HasSubstr("Read-only file system"));
}

// Under load there is no idle moment: a log that fills the disk must begin anew without one.
TEST_F(FaultsTest, AFullDiskHelpsItselfWhereTheLogAloneHasGrown) {
  const std::filesystem::path mount = directory_.path() / "mount";
  std::filesystem::create_directory(mount);
  if (::geteuid() != 0 || ::mount("tmpfs", mount.c_str(), "tmpfs", 0, "size=2m") != 0) {
    GTEST_SKIP() << "may not mount";
  }
  const Mount unmount{mount};
  options_.data_dir = mount / "data";
  options_.wal_bytes_max = 16 * 1024 * 1024;
  open_with_chat();
  int refused = 0;
  for (int i = 1; i <= 2000; ++i) {
    const chat::UserSeen seen{make_id<UserId>(1), {i}};
    if (store_->append(std::vector<chat::Change>{seen}) != Appended::kCommitted) ++refused;
    store_->after_release();
  }
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, 20);
  EXPECT_TRUE(fatal_.empty());
  expect_clean();
}

TEST_F(FaultsTest, AnOutageIsLoggedOnce) {
  options_.vfs = vfs_.name();
  open_with_chat();
  SqliteSnapshot snapshot(options_);
  ::testing::internal::CaptureStderr();
  for (int outage = 0; outage < 2; ++outage) {
    vfs_.fail_writes(SQLITE_FULL);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(send(), Appended::kUnavailable);
    vfs_.fail_writes(SQLITE_OK);
    EXPECT_EQ(send(), Appended::kCommitted);
  }
  vfs_.fail_reads(SQLITE_IOERR_READ);
  for (int i = 0; i < 10; ++i) {
    snapshot.begin();
    EXPECT_FALSE(snapshot.find_chat(make_id<ChatId>(1)));
    snapshot.end();
  }
  vfs_.fail_reads(SQLITE_OK);
  const std::string lines = ::testing::internal::GetCapturedStderr();
  std::size_t warnings = 0;
  for (std::size_t at = lines.find("store_unavailable"); at != std::string::npos;
       at = lines.find("store_unavailable", at + 1)) {
    ++warnings;
  }
  // Two outages for the appends and, each, at most one for the checkpoint; one for the reader.
  EXPECT_GE(warnings, 3u) << lines;
  EXPECT_LE(warnings, 5u) << lines;
}

// A reader that meets a damaged row stops the process with a sentence, not with a lost exception.
TEST_F(FaultsTest, ADamagedRowThatAReaderMeetsStopsTheProcess) {
  open_with_chat();
  ASSERT_EQ(send(), Appended::kCommitted);
  for (const char* damage : {"UPDATE chats SET id = x'00'", "UPDATE users SET id = x'00'",
                             "UPDATE records SET id = x'00'"}) {
    store_->idle({1'000'000});
    Database database((options_.data_dir / "maru.db").string(), OpenMode::kReadWrite);
    database.begin_write();
    database.execute(damage);
    database.commit();
    fatal_.clear();
    SqliteSnapshot snapshot(options_);
    snapshot.begin();
    const auto document = snapshot.find_chat_by_number({1});
    const auto page = snapshot.list_public_groups(1, 10);
    const auto records =
        snapshot.read_records(make_id<ChatId>(1), chat::RecordRange::kNewest, {}, 10);
    snapshot.end();
    EXPECT_FALSE(document && page && records) << damage;
    EXPECT_THAT(fatal_, HasSubstr("a stored id has a wrong size")) << damage;
    database.begin_write();
    database.execute(
        "UPDATE chats SET id = x'650000000000000000000001';"
        "UPDATE users SET id = x'650000000000000000000001';"
        "UPDATE records SET id = x'650000000000000000000001'");
    database.commit();
  }
}

TEST_F(FaultsTest, ABatchGoesToTheLogInAFewWrites) {
  options_.vfs = vfs_.name();
  open_with_chat();
  ASSERT_EQ(send(), Appended::kCommitted);
  vfs_.start_noting();
  std::vector<chat::Change> batch;
  for (int i = 0; i < 1000; ++i, ++head_) {
    batch.emplace_back(make_text(1, head_ + 1, 1, head_ + 1, "id-" + std::to_string(head_)));
  }
  ASSERT_EQ(store_->append(batch), Appended::kCommitted);
  std::size_t writes = 0;
  std::size_t bytes = 0;
  int syncs = 0;
  for (const testing::FileOperation& operation : vfs_.notes()) {
    if (operation.kind == testing::FileOperation::Kind::kWrite) ++writes;
    bytes += operation.bytes.size();
    if (operation.kind == testing::FileOperation::Kind::kSync) ++syncs;
  }
  EXPECT_GT(bytes, 64u * 1024);
  EXPECT_LE(writes, bytes / (60 * 1024) + 2);
  EXPECT_EQ(syncs, 1);
  // Far more than the buffer holds, and than the writer's cache: pages leave it before the commit.
  batch.clear();
  for (int i = 0; i < 20000; ++i, ++head_) {
    auto record = *make_text(1, head_ + 1, 1, head_ + 1).record;
    record.body = chat::Text{std::string(1000, 'y'), {}};
    batch.emplace_back(chat::RecordAppended{std::make_shared<chat::Record>(record)});
  }
  ASSERT_EQ(store_->append(batch), Appended::kCommitted);
  EXPECT_EQ(stored_head(), head_);
  expect_clean();
}

TEST_F(FaultsTest, AFailedSyncStopsTheProcess) {
  options_.vfs = vfs_.name();
  open_with_chat();
  ASSERT_EQ(send(), Appended::kCommitted);
  vfs_.fail_syncs(SQLITE_IOERR_FSYNC);
  EXPECT_EQ(send(), Appended::kUnavailable);
  EXPECT_THAT(fatal_, HasSubstr("cannot be trusted"));
  // Were the handler to return, nothing would be acknowledged any more, even if syncs work again.
  vfs_.fail_syncs(SQLITE_OK);
  EXPECT_EQ(send(), Appended::kUnavailable);
  EXPECT_FALSE(store_->load_chat(make_id<ChatId>(1)));
  store_.reset();
  open();
  EXPECT_GE(stored_head(), head_);
}

TEST_F(FaultsTest, AFailedSyncOfACheckpointStopsTheProcess) {
  options_.vfs = vfs_.name();
  open_with_chat();
  ASSERT_EQ(send(), Appended::kCommitted);
  store_->idle({100'000});
  ASSERT_TRUE(fatal_.empty());
  ASSERT_EQ(send(), Appended::kCommitted);
  vfs_.fail_syncs(SQLITE_IOERR_FSYNC);
  store_->idle({200'000});
  EXPECT_FALSE(fatal_.empty());
  EXPECT_EQ(send(), Appended::kUnavailable);
}

TEST_F(FaultsTest, TheDefaultHandlerEndsTheProcess) {
  EXPECT_EXIT(stop_process("test"), ::testing::ExitedWithCode(70), "store_fatal");
}

TEST_F(FaultsTest, AFailedReadIsUnavailable) {
  options_.vfs = vfs_.name();
  open_with_chat();
  store_.reset();
  open();
  SqliteSnapshot snapshot(options_);
  vfs_.fail_reads(SQLITE_IOERR_READ);
  snapshot.begin();
  const auto document = snapshot.find_chat(make_id<ChatId>(1));
  ASSERT_FALSE(document);
  EXPECT_EQ(document.error().code, ErrorCode::kUnavailable);
  snapshot.end();
  vfs_.fail_reads(SQLITE_OK);
  snapshot.begin();
  EXPECT_TRUE(*snapshot.find_chat(make_id<ChatId>(1)));
  snapshot.end();
  EXPECT_TRUE(fatal_.empty());
}

TEST_F(FaultsTest, ADamagedFileIsNotUsed) {
  open_with_chat();
  for (int i = 0; i < 200; ++i) ASSERT_EQ(send(400), Appended::kCommitted);
  store_.reset();
  const std::filesystem::path file = options_.data_dir / "maru.db";
  {
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    const auto size = std::filesystem::file_size(file);
    for (std::uintmax_t at = 4096; at < size; at += 4096) {
      out.seekp(static_cast<std::streamoff>(at));
      out << std::string(64, '\x7f');
    }
  }
  const auto opened = SqliteStore::open(options_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().detail, HasSubstr("maru check"));
  const CheckReport report = check_data_directory(options_.data_dir);
  EXPECT_EQ(report.outcome, CheckOutcome::kFindings);
  EXPECT_FALSE(report.findings.empty());
}

TEST_F(FaultsTest, DamageThatIsMetLaterStopsTheProcess) {
  open_with_chat();
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(send(400), Appended::kCommitted);
  store_.reset();
  {
    Database database((options_.data_dir / "maru.db").string(), OpenMode::kReadOnly);
    const auto root = database.query_integer(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_heads_1'");
    std::fstream out(options_.data_dir / "maru.db",
                     std::ios::in | std::ios::out | std::ios::binary);
    out.seekp((root - 1) * 4096);
    out << std::string(64, '\x7f');
  }
  open();
  EXPECT_EQ(send(), Appended::kUnavailable);
  EXPECT_FALSE(fatal_.empty());
}

// F3 of the fault catalogue: every place at which the power can fail. What was synced is there, of
// the rest a random part of its sectors.
TEST_F(FaultsTest, SurvivesAPowerCutAtEveryOperation) {
  log::configure(log::Format::kText, log::Level::kError);
  options_.vfs = vfs_.name();
  options_.wal_bytes_max = 96 * 1024;
  open_with_chat();
  store_.reset();
  const std::filesystem::path base = directory_.path() / "base";
  std::filesystem::copy(options_.data_dir, base);
  vfs_.start_noting();
  open();
  for (int i = 0; i < 120; ++i) {
    ASSERT_EQ(send(300), Appended::kCommitted);
    vfs_.mark(static_cast<std::int64_t>(head_));
    if (i % 20 == 19) store_->idle({1'000'000 + i * 10'000});
  }
  const std::vector<testing::FileOperation> notes = vfs_.notes();
  store_.reset();
  constexpr std::size_t kCutsMax = 500;
  const std::size_t step = std::max<std::size_t>(1, notes.size() / kCutsMax);
  std::mt19937_64 random(20'261'123);
  options_.vfs = nullptr;
  const testing::TemporaryDirectory memory(testing::TemporaryDirectory::Place::kMemory);
  options_.data_dir = memory.path() / "cut";
  std::size_t tried = 0;
  for (std::size_t k = 0; k <= notes.size(); k += step, ++tried) {
    std::filesystem::remove_all(options_.data_dir);
    std::filesystem::copy(base, options_.data_dir);
    const std::int64_t acknowledged =
        testing::rebuild_after_cut(options_.data_dir, notes, k, random);
    open();
    ASSERT_TRUE(store_) << "cut before operation " << k;
    ASSERT_GE(stored_head(), static_cast<std::uint64_t>(acknowledged)) << "cut before " << k;
    head_ = stored_head();
    ASSERT_EQ(send(), Appended::kCommitted);
    expect_clean();
    ASSERT_FALSE(HasFailure()) << "cut before operation " << k;
  }
  EXPECT_GE(tried, 200u);
  std::printf("power cuts: %zu of %zu operations, 0 acknowledged lost\n", tried, notes.size());
}

// The same test must find what it looks for: with syncs taken out, acknowledged records are lost.
TEST_F(FaultsTest, APowerCutWithoutSyncsLosesRecords) {
  log::configure(log::Format::kText, log::Level::kError);
  options_.vfs = vfs_.name();
  open_with_chat();
  store_.reset();
  const std::filesystem::path base = directory_.path() / "base";
  std::filesystem::copy(options_.data_dir, base);
  vfs_.start_noting();
  open();
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(send(300), Appended::kCommitted);
    vfs_.mark(static_cast<std::int64_t>(head_));
  }
  std::vector<testing::FileOperation> notes = vfs_.notes();
  std::erase_if(notes, [](const testing::FileOperation& operation) {
    return operation.kind == testing::FileOperation::Kind::kSync;
  });
  store_.reset();
  options_.vfs = nullptr;
  options_.data_dir = directory_.path() / "cut";
  std::mt19937_64 random(1);
  int lost = 0;
  for (std::size_t k = notes.size() / 2; k < notes.size(); k += notes.size() / 10) {
    std::filesystem::remove_all(options_.data_dir);
    std::filesystem::copy(base, options_.data_dir);
    const std::int64_t acknowledged =
        testing::rebuild_after_cut(options_.data_dir, notes, k, random);
    auto opened = SqliteStore::open(options_);
    if (!opened || (*opened)->load_chat(make_id<ChatId>(1))->value().head.value <
                       static_cast<std::uint64_t>(acknowledged)) {
      ++lost;
    }
  }
  EXPECT_GT(lost, 0);
}

}  // namespace
}  // namespace maru::sqlite
