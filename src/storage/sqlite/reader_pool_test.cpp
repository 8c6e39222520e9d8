#include "storage/sqlite/reader_pool.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <future>
#include <latch>
#include <thread>

#include "storage/sqlite/sqlite_store.hpp"
#include "storage/sqlite/testing/temporary_directory.hpp"
#include "storage/testing/documents.hpp"

namespace maru::sqlite {
namespace {

using storage_testing::make_chat;
using storage_testing::make_id;
using storage_testing::make_text;
using storage_testing::make_user;

class ReaderPoolTest : public ::testing::Test {
 protected:
  ReaderPoolTest() {
    StoreOptions options;
    options.data_dir = directory_.path() / "data";
    options.wal_bytes_max = 256 * 1024;
    options.wal_bytes_hard = 512 * 1024;
    store_ = std::move(SqliteStore::open(options).value());
    must({make_user(1, "one"), make_chat(1, {1}), make_chat(2, {1})});
  }
  void must(const std::vector<chat::Change>& batch) {
    ASSERT_EQ(store_->append(batch), chat::Appended::kCommitted);
  }
  void open_pool(ReaderOptions options = {}) {
    pool_ = std::move(ReaderPool::open(*store_, options).value());
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<ReaderPool> pool_;  // ends before the store
};

TEST_F(ReaderPoolTest, RefusesPastItsQueueAndAnswersTheRest) {
  open_pool({.threads = 1, .waiting_max = 3});
  std::latch running(1);
  std::latch go(1);
  std::latch answered(4);
  ASSERT_TRUE(pool_->post(chat::Lane::kUrgent, [&](chat::Snapshot&) {
    running.count_down();
    go.wait();
    answered.count_down();
  }));
  running.wait();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(pool_->post(chat::Lane::kUrgent, [&](chat::Snapshot&) { answered.count_down(); }));
  }
  auto kept = std::make_unique<int>(7);
  chat::QueryPool::Query one_more = [held = std::move(kept)](chat::Snapshot&) { *held = 8; };
  EXPECT_FALSE(pool_->post(chat::Lane::kUrgent, std::move(one_more)));
  EXPECT_TRUE(one_more);  // the caller's still
  EXPECT_EQ(pool_->depth(chat::Lane::kUrgent), 4u);
  go.count_down();
  answered.wait();
}

// Whatever waits when it ends: nobody waits for it but those who are told by its end.
TEST_F(ReaderPoolTest, ItsEndDropsWhatWaits) {
  open_pool({.threads = 1, .waiting_max = 1'000});
  std::latch running(1);
  std::latch go(1);
  std::atomic<int> run = 0;
  auto owned = std::make_shared<int>(0);
  ASSERT_TRUE(pool_->post(chat::Lane::kUrgent, [&](chat::Snapshot&) {
    running.count_down();
    go.wait();
  }));
  running.wait();
  for (int i = 0; i < 400; ++i) {
    const chat::Lane lane = i % 2 == 0 ? chat::Lane::kUrgent : chat::Lane::kBulk;
    ASSERT_TRUE(pool_->post(lane, [&run, owned](chat::Snapshot&) { ++run; }));
  }
  std::thread opener([&] {
    while (owned.use_count() > 1) std::this_thread::yield();
    go.count_down();
  });
  pool_.reset();
  opener.join();
  EXPECT_EQ(run, 0);
}

// One who reads much, and many who wait for it: whoever comes with an urgent query is answered
// while all of that stands still.
TEST_F(ReaderPoolTest, UrgentQueriesOvertakeAFullBulkLane) {
  open_pool({.threads = 2, .waiting_max = 100});
  std::latch running(1);
  std::latch go(1);
  std::latch bulk_done(101);
  ASSERT_TRUE(pool_->post(chat::Lane::kBulk, [&](chat::Snapshot&) {
    running.count_down();
    go.wait();
    bulk_done.count_down();
  }));
  running.wait();
  std::atomic<int> bulk = 0;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(pool_->post(chat::Lane::kBulk, [&](chat::Snapshot&) {
      ++bulk;
      bulk_done.count_down();
    }));
  }
  EXPECT_FALSE(pool_->post(chat::Lane::kBulk, [](chat::Snapshot&) {}));
  for (int i = 0; i < 1'000; ++i) {
    std::promise<void> done;
    ASSERT_TRUE(pool_->post(chat::Lane::kUrgent, [&](chat::Snapshot&) { done.set_value(); }));
    done.get_future().wait();
  }
  EXPECT_EQ(bulk, 0);
  go.count_down();
  bulk_done.wait();
  EXPECT_EQ(bulk, 100);
}

TEST_F(ReaderPoolTest, TellsHowManyRowsAQueryLookedAt) {
  must({make_text(1, 1, 1, 1), make_text(1, 2, 1, 2), make_text(1, 3, 1, 3)});
  open_pool();
  for (int i = 0; i < 2; ++i) {  // each view counts from nothing
    std::promise<std::uint64_t> rows;
    ASSERT_TRUE(pool_->post(chat::Lane::kBulk, [&](chat::Snapshot& snapshot) {
      EXPECT_EQ(snapshot.rows_read(), 0u);
      EXPECT_TRUE(snapshot.read_records(make_id<ChatId>(1), chat::RecordRange::kNewest, {}, 1'000));
      rows.set_value(snapshot.rows_read());
    }));
    const std::uint64_t seen = rows.get_future().get();
    EXPECT_GE(seen, 3u);
    EXPECT_LE(seen, 8u);
  }
}

// A far page gives one row, and yet passes over all those before it.
TEST_F(ReaderPoolTest, WhatAQueryPassesOverCountsToo) {
  std::vector<chat::Change> chats;
  for (std::uint32_t number = 3; number < 2'003; ++number) chats.push_back(make_chat(number, {1}));
  must(chats);
  open_pool();
  const auto cost_of_page = [&](std::size_t page) {
    std::promise<std::uint64_t> cost;
    EXPECT_TRUE(pool_->post(chat::Lane::kBulk, [&](chat::Snapshot& snapshot) {
      const auto groups = snapshot.list_public_groups(page, 1);
      EXPECT_TRUE(groups && groups->chats.size() == 1);
      cost.set_value(snapshot.rows_read());
    }));
    return cost.get_future().get();
  };
  EXPECT_LE(cost_of_page(1), 10u);
  EXPECT_GE(cost_of_page(1'000), 100u);
}

TEST_F(ReaderPoolTest, ASlowQueryDoesNotHoldUpTheOthers) {
  open_pool({.threads = 2, .waiting_max = 100});
  std::latch running(1);
  std::latch go(1);
  ASSERT_TRUE(pool_->post(chat::Lane::kUrgent, [&](chat::Snapshot&) {
    running.count_down();
    go.wait();
  }));
  running.wait();
  std::promise<void> done;
  ASSERT_TRUE(pool_->post(chat::Lane::kUrgent, [&](chat::Snapshot&) { done.set_value(); }));
  done.get_future().wait();
  go.count_down();
  pool_.reset();  // the slow query still looks at `go`
}

// Two chats move together in every batch; a snapshot never sees one ahead of the other, nor a head
// without its record, while the log is checkpointed and begun again beneath the readers.
TEST_F(ReaderPoolTest, SnapshotsAreConsistentWhileTheWriterWrites) {
  open_pool({.threads = 4, .waiting_max = 4096});
  std::atomic<int> torn = 0;
  std::atomic<int> errors = 0;
  std::atomic<int> reads = 0;
  std::atomic<std::uint64_t> acknowledged = 0;
  const auto query = [&](chat::Snapshot& snapshot) {
    const std::uint64_t floor = acknowledged.load();
    const auto one = snapshot.head(make_id<ChatId>(1));
    const auto newest =
        snapshot.read_records(make_id<ChatId>(2), chat::RecordRange::kNewest, {}, 3);
    const auto two = snapshot.head(make_id<ChatId>(2));
    if (!one || !two || !newest) {
      ++errors;
      return;
    }
    const std::uint64_t last = newest->empty() ? 0 : newest->back()->sequence.value;
    if (one->value != two->value || last != two->value || one->value < floor) ++torn;
    ++reads;
  };
  constexpr std::uint64_t kBatches = 400;
  for (std::uint64_t n = 1; n <= kBatches; ++n) {
    must({make_text(1, n, 1, n), make_text(2, n, 1, n)});
    acknowledged.store(n);
    for (int i = 0; i < 4; ++i) {
      [[maybe_unused]] const bool posted = pool_->post(chat::Lane::kUrgent, query);
    }
    if (n % 50 == 0) store_->idle({static_cast<std::int64_t>(n) * 10'000});
  }
  pool_.reset();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(errors, 0);
  EXPECT_GT(reads, 100);
}

TEST_F(ReaderPoolTest, AHundredSnapshotsAtOnceEachStandStill) {
  open_pool({.threads = 100, .waiting_max = 100});
  std::latch begun(100);
  std::latch written(1);
  std::atomic<int> moved = 0;
  int posted = 0;
  for (int i = 0; i < 100; ++i) {
    posted += pool_->post(chat::Lane::kUrgent, [&](chat::Snapshot& snapshot) {
      const Sequence before = *snapshot.head(make_id<ChatId>(1));
      begun.count_down();
      written.wait();
      if (before != *snapshot.head(make_id<ChatId>(1))) ++moved;
    });
  }
  ASSERT_EQ(posted, 100);
  begun.wait();
  for (std::uint64_t n = 1; n <= 50; ++n) must({make_text(1, n, 1, n)});
  store_->idle({1'000'000});
  written.count_down();
  pool_.reset();
  EXPECT_EQ(moved, 0);
  EXPECT_EQ(store_->load_chat(make_id<ChatId>(1))->value().head.value, 50u);
}

// A reader that holds its snapshot delays the start of a new log, never an append, and once it ends
// the log shrinks again.
TEST_F(ReaderPoolTest, AHeldSnapshotDoesNotStopTheWriter) {
  open_pool({.threads = 1, .waiting_max = 10});
  std::latch running(1);
  std::latch go(1);
  ASSERT_TRUE(pool_->post(chat::Lane::kUrgent, [&](chat::Snapshot& snapshot) {
    EXPECT_TRUE(snapshot.head(make_id<ChatId>(1)));
    running.count_down();
    go.wait();
  }));
  running.wait();
  std::uint64_t n = 0;
  while (store_->wal_bytes() < 1024 * 1024) {
    ++n;
    must({make_text(1, n, 1, n)});
    store_->after_release();
    ASSERT_LT(n, 1000u);
  }
  go.count_down();
  pool_.reset();
  for (int i = 0; i < 40; ++i, ++n) {
    must({make_text(1, n + 1, 1, n + 1)});
    store_->after_release();
  }
  EXPECT_LT(store_->wal_bytes(), 512u * 1024);
}

// Only the writer checkpoints: whatever readers do, they leave the database file alone.
TEST_F(ReaderPoolTest, ReadersNeverWriteTheFile) {
  store_->idle({10'000});
  must({make_text(1, 1, 1, 1)});
  const auto file = directory_.path() / "data" / "maru.db";
  struct stat before{};
  struct stat after{};
  ASSERT_EQ(::stat(file.c_str(), &before), 0);
  open_pool();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(pool_->post(chat::Lane::kUrgent, [](chat::Snapshot& snapshot) {
      EXPECT_EQ(snapshot.head(make_id<ChatId>(1))->value, 1u);
    }));
  }
  pool_.reset();
  ASSERT_EQ(::stat(file.c_str(), &after), 0);
  EXPECT_EQ(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
  EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
  EXPECT_GT(std::filesystem::file_size(file.string() + "-wal"), 0u);
}

}  // namespace
}  // namespace maru::sqlite
