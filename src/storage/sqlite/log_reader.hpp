// chat::LogReader over the embedded store: by ref, on a read-only connection of its own.
#pragma once

#include <memory>
#include <string_view>

#include "chat/ports/log_reader.hpp"
#include "storage/sqlite/options.hpp"
#include "storage/sqlite/record_queries.hpp"

namespace maru::sqlite {

class SqliteLogReader final : public chat::LogReader {
 public:
  // The store is open. Errors: kUnavailable.
  static Result<std::unique_ptr<SqliteLogReader>> open(const StoreOptions& options);

  Result<chat::LogPage> read(std::string_view cursor, std::size_t limit) override;

 private:
  explicit SqliteLogReader(const StoreOptions& options);

  Database database_;
  RecordQueries records_;
  Edge reads_;
};

}  // namespace maru::sqlite
