#include "storage/sqlite/store_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <system_error>

#include "storage/sqlite/data_directory.hpp"
#include "storage/sqlite/database.hpp"
#include "storage/sqlite/schema.hpp"

namespace maru::sqlite {

Result<void> make_private_file(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return fail(ErrorCode::kUnavailable, path.string() + " cannot be created: " +
                                             std::generic_category().message(errno) + ".");
  }
  ::close(descriptor);
  return {};
}

void remove_with_journals(const std::filesystem::path& path) {
  std::error_code ignored;
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) {
    std::filesystem::remove(path.string() + suffix, ignored);
  }
}

void fill_new_store(const std::string& path, const char* vfs) {
  Database database(path, OpenMode::kReadWrite, vfs);
  database.execute("PRAGMA page_size=4096; PRAGMA synchronous=FULL; PRAGMA auto_vacuum=NONE");
  const std::string marks = "PRAGMA application_id=" + std::to_string(kApplicationId) +
                            "; PRAGMA user_version=" + std::to_string(kSchemaVersion);
  WriteTransaction transaction(database);
  database.execute(marks.c_str());
  make_tables(database);
  transaction.commit();
}

Result<void> create_store(const std::filesystem::path& path, const char* vfs) {
  if (std::filesystem::exists(path.string() + "-wal")) {
    // SQLite would replay that log over the new, empty store.
    return fail(ErrorCode::kUnavailable, path.string() + " is missing but " + path.string() +
                                             "-wal is there: restore the file, or move the log "
                                             "away to begin anew.");
  }
  const std::filesystem::path fresh = path.string() + ".new";
  remove_with_journals(fresh);
  if (auto made = make_private_file(fresh); !made) return made;
  try {
    fill_new_store(fresh.string(), vfs);
  } catch (const SqliteError& error) {
    remove_with_journals(fresh);
    return fail(ErrorCode::kUnavailable,
                "The store " + path.string() + " cannot be created: " + error.what() + ".");
  }
  std::error_code error;
  std::filesystem::rename(fresh, path, error);
  if (error || !sync_directory(path.parent_path())) {
    return fail(ErrorCode::kUnavailable, "The store " + path.string() + " cannot be created.");
  }
  return {};
}

}  // namespace maru::sqlite
