#include <future>

#include "storage/sqlite/reader_pool.hpp"
#include "storage/sqlite/sqlite_store.hpp"
#include "storage/sqlite/testing/temporary_directory.hpp"
#include "storage/store_contract_test.hpp"

namespace maru::storage_testing {
namespace {

class SqliteHarness final : public StoreHarness {
 public:
  SqliteHarness() {
    sqlite::StoreOptions options;
    options.data_dir = directory_.path() / "data";
    store_ = std::move(sqlite::SqliteStore::open(options).value());
    readers_ = std::move(sqlite::ReaderPool::open(*store_).value());
  }
  ~SqliteHarness() override { readers_.reset(); }

  chat::Store& store() override { return *store_; }
  void read(const std::function<void(chat::Snapshot&)>& query) override {
    std::promise<void> done;
    ASSERT_TRUE(readers_->post(chat::Lane::kUrgent, [&](chat::Snapshot& snapshot) {
      query(snapshot);
      done.set_value();
    }));
    done.get_future().wait();
  }

 private:
  sqlite::testing::TemporaryDirectory directory_;
  std::unique_ptr<sqlite::SqliteStore> store_;
  std::unique_ptr<sqlite::ReaderPool> readers_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract,
                         ::testing::Values([] { return std::make_unique<SqliteHarness>(); }));

}  // namespace
}  // namespace maru::storage_testing
