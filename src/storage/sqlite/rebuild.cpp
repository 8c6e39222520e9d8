#include "storage/sqlite/rebuild.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <system_error>

#include "base/log.hpp"
#include "storage/sqlite/data_directory.hpp"
#include "storage/sqlite/epoch.hpp"
#include "storage/sqlite/log_converter.hpp"
#include "storage/sqlite/schema.hpp"
#include "storage/sqlite/store_file.hpp"

namespace maru::sqlite {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kProgressInterval{5};

Result<void> check_room(const std::filesystem::path& path) {
  std::error_code error;
  const auto needed = std::filesystem::file_size(path, error);
  const auto space = std::filesystem::space(path.parent_path(), error);
  if (error || space.available >= needed) return {};
  return fail(ErrorCode::kUnavailable, "The store " + path.string() +
                                           " has to be written anew for this version: that takes " +
                                           std::to_string(needed) + " bytes of disk, " +
                                           std::to_string(space.available) + " are free.");
}

void copy_tables(Database& database) {
  database.execute(
      "DELETE FROM meta; INSERT INTO meta SELECT * FROM old.meta;"
      "INSERT INTO users SELECT *, 0 FROM old.users;"
      "INSERT INTO user_terms SELECT * FROM old.user_terms;"
      "INSERT INTO sessions SELECT * FROM old.sessions;"
      "INSERT INTO chats SELECT *, x'' FROM old.chats;"
      "INSERT INTO members SELECT * FROM old.members;"
      "INSERT INTO created_keys SELECT * FROM old.created_keys;"
      "INSERT INTO login_failures SELECT * FROM old.login_failures;"
      "INSERT INTO quotas SELECT * FROM old.quotas;" MARU_MARK_ENDING);
}

class Progress {
 public:
  explicit Progress(std::int64_t total) : total_(total) {}
  void operator()(std::int64_t done) {
    if (Clock::now() < next_) return;
    next_ = Clock::now() + kProgressInterval;
    log::info("store_rebuilding", {{"records", done}, {"of", total_}});
  }

 private:
  const std::int64_t total_;
  Clock::time_point next_ = Clock::now() + kProgressInterval;
};

// An index that is built at the end is sorted, not searched for each of its entries.
void convert(Database& database) {
  const std::string index =
      database.query_text("SELECT sql FROM sqlite_schema WHERE name = 'records_by_client_msg_id'");
  database.execute("DROP INDEX records_by_client_msg_id");
  copy_tables(database);
  LogConverter converter(database);
  converter.find_creations();
  converter.write_creations();
  const std::int64_t total =
      database.query_integer("SELECT coalesce(max(ref), 0) FROM old.records");
  converter.copy_records(Progress(total));
  converter.write_heads();
  converter.settle();
  database.execute(
      "UPDATE meta SET value = (SELECT count(*) FROM chats WHERE personal = 0 AND archived = 0)"
      " WHERE name = 'public_groups'");
  database.execute(index.c_str());
}

void build(const std::filesystem::path& from, const std::filesystem::path& to, const char* vfs) {
  fill_new_store(to.string(), vfs);
  Database database(to.string(), OpenMode::kReadWrite, vfs);
  // Nobody knows of the file before it is whole and synced.
  database.execute(
      "PRAGMA main.journal_mode=OFF; PRAGMA main.synchronous=OFF; PRAGMA cache_size=-65536;"
      "PRAGMA temp_store=FILE");
  Statement(database, "ATTACH ?1 AS old").execute(std::string_view(from.native()));
  database.execute("BEGIN");
  convert(database);
  database.commit();
}

bool sync_file(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool synced = ::fsync(descriptor) == 0;
  ::close(descriptor);
  return synced;
}

// The old file as a whole, without a log beside it: a log would be taken for the new one's.
Result<void> close_old(const std::filesystem::path& path) {
  {
    Database old(path.string(), OpenMode::kReadWrite);
    old.execute("PRAGMA synchronous=FULL; PRAGMA journal_mode=DELETE");
    // Whoever puts the backup back goes back in time; clients must be able to tell.
    write_fresh_epoch(old);
  }
  for (const char* suffix : {"-wal", "-journal"}) {
    if (std::filesystem::exists(path.string() + suffix)) {
      return fail(ErrorCode::kUnavailable,
                  path.string() + suffix + " is in use by another process.");
    }
  }
  return {};
}

Result<void> put_in_place(const std::filesystem::path& fresh, const std::filesystem::path& path) {
  const std::filesystem::path backup =
      path.string() + ".v" + std::to_string(kRebuiltFrom) + ".backup";
  std::error_code error;
  std::filesystem::remove(backup, error);
  // A second name, not a move: at no moment is there no store.
  if (!error) std::filesystem::create_hard_link(path, backup, error);
  if (error) {
    // A file system without links.
    error.clear();
    std::filesystem::copy_file(path, backup, error);
    if (!error && !sync_file(backup)) error = std::make_error_code(std::errc::io_error);
  }
  if (!error) std::filesystem::rename(fresh, path, error);
  if (error || !sync_directory(path.parent_path())) {
    return fail(ErrorCode::kUnavailable,
                "The store " + path.string() + " cannot be put in place: " + error.message() + ".");
  }
  log::info("store_backed_up", {{"path", backup.string()}});
  return {};
}

}  // namespace

Result<void> rebuild_store(const std::filesystem::path& path, const char* vfs) {
  const std::filesystem::path fresh = path.string() + ".rebuilt";
  remove_with_journals(fresh);
  if (auto room = check_room(path); !room) return room;
  log::info("store_rebuilding", {{"path", path.string()}, {"from", kRebuiltFrom}});
  if (auto made = make_private_file(fresh); !made) return made;
  Result<void> placed;
  try {
    build(path, fresh, vfs);
    if (!sync_file(fresh)) throw SqliteError(0, "it cannot be synced");
    placed = close_old(path);
    if (placed) placed = put_in_place(fresh, path);
  } catch (const SqliteError& error) {
    placed = fail(ErrorCode::kUnavailable,
                  "The store " + path.string() + " cannot be written anew: " + error.what() + ".");
  }
  if (!placed) {
    remove_with_journals(fresh);
    return placed;
  }
  log::info("store_migrated", {{"from", kRebuiltFrom}, {"to", kSchemaVersion}});
  return {};
}

}  // namespace maru::sqlite
