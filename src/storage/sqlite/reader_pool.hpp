// chat::QueryPool on SQLite: a few threads, each with a read-only connection of its own, which
// never checkpoints. Each query runs in one read transaction; which is next, QueryLanes says.
//
// post(): any thread, never blocks. The destructor drops what waits, lets end what runs, and joins;
// the SqliteStore it reads must outlive it.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "chat/ports/query_pool.hpp"
#include "chat/query_lanes.hpp"
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

  [[nodiscard]] bool post(chat::Lane lane, Query&& query) override;
  // The drain begins: refuses bulk queries from now on and drops those that wait.
  void drop_bulk() { lanes_.close(chat::Lane::kBulk); }
  // Queries waiting or running.
  [[nodiscard]] std::size_t depth(chat::Lane lane) const { return lanes_.depth(lane); }

 private:
  struct Reader;

  ReaderPool(std::vector<std::unique_ptr<Reader>> readers, std::size_t waiting_max);

  chat::QueryLanes lanes_;
  std::vector<std::unique_ptr<Reader>> readers_;
};

}  // namespace maru::sqlite
