#include "storage/sqlite/log_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "storage/sqlite/sqlite_store.hpp"
#include "storage/sqlite/testing/temporary_directory.hpp"
#include "storage/testing/documents.hpp"

namespace maru::sqlite {
namespace {

using storage_testing::joined;
using storage_testing::make_chat;
using storage_testing::make_id;
using storage_testing::make_system;
using storage_testing::make_text;
using storage_testing::make_user;
using storage_testing::sequences;
using ::testing::ElementsAre;

class LogReaderTest : public ::testing::Test {
 protected:
  LogReaderTest() {
    options_.data_dir = directory_.path() / "data";
    store_ = std::move(SqliteStore::open(options_).value());
    must({make_user(1, "one"), make_user(2, "two"), make_user(3, "three"), make_chat(1, {1, 2}),
          make_chat(2, {1, 2}, true)});
  }
  void must(const std::vector<chat::Change>& batch) {
    ASSERT_EQ(store_->append(batch), chat::Appended::kCommitted);
  }

  testing::TemporaryDirectory directory_;
  StoreOptions options_;
  std::unique_ptr<SqliteStore> store_;
};

TEST_F(LogReaderTest, GivesEveryRecordInTheOrderOfWriting) {
  const auto reader = std::move(SqliteLogReader::open(options_).value());
  auto page = *reader->read("", 10);
  EXPECT_TRUE(page.records.empty());
  EXPECT_EQ(page.cursor, "");
  must({make_text(1, 1, 1, 1, "id"), make_text(2, 1, 2, 1), make_system(1, 2, joined(3, 3), 1),
        make_text(2, 2, 1, 2)});
  page = *reader->read("", 3);
  ASSERT_EQ(page.records.size(), 3u);
  EXPECT_THAT(sequences(page.records), ElementsAre(1, 1, 2));
  EXPECT_EQ(page.records[0]->chat, make_id<ChatId>(1));
  EXPECT_EQ(page.records[0]->actor_name, "one");
  EXPECT_EQ(*chat::client_msg_id_of(*page.records[0]), "id");
  EXPECT_EQ(page.records[1]->to, make_id<UserId>(1));  // a 1:1
  EXPECT_EQ(chat::system_of(*page.records[2])->subject, make_id<UserId>(3));
  const std::string middle = page.cursor;
  page = *reader->read(middle, 10);
  EXPECT_THAT(sequences(page.records), ElementsAre(2));
  // Nothing behind it yet, then more.
  const std::string end = page.cursor;
  EXPECT_EQ(reader->read(end, 10)->cursor, end);
  must({make_text(1, 3, 2, 2, std::nullopt, 2)});
  EXPECT_THAT(sequences(reader->read(end, 10)->records), ElementsAre(3));
  EXPECT_THAT(sequences(reader->read(middle, 10)->records), ElementsAre(2, 3));
}

TEST_F(LogReaderTest, RefusesACursorThatIsNone) {
  const auto reader = std::move(SqliteLogReader::open(options_).value());
  for (const char* bad : {"x", "-1", "1 ", "99999999999999999999"}) {
    EXPECT_EQ(reader->read(bad, 1).error().code, ErrorCode::kValidationFailed) << bad;
  }
  EXPECT_TRUE(reader->read("12345", 1)->records.empty());
}

// A small follower: it counts the texts of each chat, and goes on from the cursor that it has
// stored with its counts, as one does that is stopped again and again.
TEST_F(LogReaderTest, AFollowerMissesNothingAndSeesNothingTwice) {
  struct Follower {
    std::string cursor;
    std::map<ChatId, std::uint64_t> last;
    std::map<ChatId, std::uint64_t> texts;
    bool follows = true;

    bool step(chat::LogReader& reader) {
      const auto page = reader.read(cursor, 7);
      if (!page || page->records.empty()) return false;
      for (const chat::RecordPtr& record : page->records) {
        follows = follows && record->sequence.value == last[record->chat] + 1;
        last[record->chat] = record->sequence.value;
        if (chat::text_of(*record)) ++texts[record->chat];
      }
      cursor = page->cursor;
      return true;
    }
  };
  constexpr std::uint64_t kTexts = 600;
  std::atomic<bool> done{false};
  Follower follower;
  std::thread thread([&] {
    for (bool more = true; more;) {
      more = !done;  // asked before it looks for the last time
      const auto reader = std::move(SqliteLogReader::open(options_).value());
      for (int steps = 0; steps < 5 && follower.step(*reader); ++steps) more = true;
    }
  });
  for (std::uint64_t n = 1; n <= kTexts; ++n) {
    must({make_text(1, n, 1, n), make_text(2, n, 2, n)});
    store_->after_release();
  }
  done = true;
  thread.join();
  EXPECT_TRUE(follower.follows);
  EXPECT_EQ(follower.texts[make_id<ChatId>(1)], kTexts);
  EXPECT_EQ(follower.texts[make_id<ChatId>(2)], kTexts);
  EXPECT_EQ(follower.last[make_id<ChatId>(1)],
            (*store_->load_chat(make_id<ChatId>(1)))->head.value);
}

}  // namespace
}  // namespace maru::sqlite
