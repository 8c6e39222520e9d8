#include "storage/sqlite/epoch.hpp"

#include <string>

#include "storage/sqlite/data_directory.hpp"
#include "storage/sqlite/database.hpp"
#include "storage/sqlite/schema.hpp"

namespace maru::sqlite {

void write_fresh_epoch(Database& database) {
  database.execute(
      "INSERT INTO meta VALUES('epoch', lower(hex(randomblob(12))))"
      " ON CONFLICT(name) DO UPDATE SET value = excluded.value");
}

Result<void> renew_epoch(const std::filesystem::path& data_dir) {
  const std::filesystem::path path = database_path(data_dir);
  const auto kind = inspect_file(path);
  if (!kind) return std::unexpected(kind.error());
  if (*kind == FileKind::kAbsent) {
    return fail(ErrorCode::kUnavailable, "There is no store at " + path.string() + ".");
  }
  if (*kind == FileKind::kForeign) {
    return fail(ErrorCode::kUnavailable,
                path.string() + " is not a store of Maru; it was left as it is.");
  }
  const auto lock = DirectoryLock::acquire(data_dir, DirectoryLock::Mode::kExisting);
  if (!lock) return std::unexpected(lock.error());
  try {
    Database database(path.string(), OpenMode::kReadWrite);
    // An older store is brought forward by the next start and keeps the epoch written here.
    if (database.query_integer("PRAGMA user_version") > kSchemaVersion) {
      return fail(ErrorCode::kUnavailable, path.string() + " was written by a newer Maru.");
    }
    database.execute("PRAGMA synchronous=FULL");
    WriteTransaction transaction(database);
    write_fresh_epoch(database);
    transaction.commit();
    return {};
  } catch (const SqliteError& error) {
    return fail(ErrorCode::kUnavailable, "The epoch of " + path.string() + " cannot be renewed: " +
                                             error.what() + ". `maru check` tells more.");
  }
}

}  // namespace maru::sqlite
