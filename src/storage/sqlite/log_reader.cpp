#include "storage/sqlite/log_reader.hpp"

#include <string>

#include "base/ascii.hpp"
#include "storage/sqlite/data_directory.hpp"

namespace maru::sqlite {

Result<std::unique_ptr<SqliteLogReader>> SqliteLogReader::open(const StoreOptions& options) {
  try {
    return std::unique_ptr<SqliteLogReader>(new SqliteLogReader(options));
  } catch (const SqliteError& error) {
    return fail(ErrorCode::kUnavailable, std::string("The log cannot be read: ") + error.what());
  }
}

SqliteLogReader::SqliteLogReader(const StoreOptions& options)
    : database_(database_path(options.data_dir).string(), OpenMode::kReadOnly, options.vfs),
      records_(database_),
      reads_(options.fatal) {}

// A cursor is the ref of the last record that was given.
Result<chat::LogPage> SqliteLogReader::read(std::string_view cursor, std::size_t limit) {
  const auto after = cursor.empty() ? std::optional<Ref>(0) : parse_decimal<Ref>(cursor);
  if (!after || *after < 0) return fail(ErrorCode::kValidationFailed, "The cursor is none.");
  return reads_.run([&] {
    chat::LogPage page{{}, std::string(cursor)};
    const Ref last = records_.read_log(*after, limit, page.records);
    if (last != 0) page.cursor = std::to_string(last);
    return page;
  });
}

}  // namespace maru::sqlite
