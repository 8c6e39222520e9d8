// chat::QueryPool on SQLite: a few threads, each with a read-only connection of its own, which
// never checkpoints. Each query runs in one read transaction.
//
// post(): any thread, never blocks. The destructor runs what is queued, then joins; the SqliteStore
// it reads must outlive it.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include "base/mailbox.hpp"
#include "chat/ports.hpp"
#include "storage/sqlite/options.hpp"

namespace maru::sqlite {

class SqliteSnapshot;
class SqliteStore;

class ReaderPool final : public chat::QueryPool {
 public:
  // Errors: kUnavailable, with one sentence.
  static Result<std::unique_ptr<ReaderPool>> open(const SqliteStore& store,
                                                  ReaderOptions options = {});
  ~ReaderPool() override;

  [[nodiscard]] bool post(Query&& query) override;
  // Queries waiting or running.
  [[nodiscard]] std::size_t depth() const;

 private:
  struct Reader;

  explicit ReaderPool(std::vector<std::unique_ptr<Reader>> readers);

  std::vector<std::unique_ptr<Reader>> readers_;
};

}  // namespace maru::sqlite
