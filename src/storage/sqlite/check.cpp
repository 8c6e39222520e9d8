#include "storage/sqlite/check.hpp"

#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "storage/sqlite/data_directory.hpp"
#include "storage/sqlite/database.hpp"
#include "storage/sqlite/rules.hpp"
#include "storage/sqlite/schema.hpp"

namespace maru::sqlite {
namespace {

constexpr std::size_t kFindingsMax = 100;

CheckReport no_store(CheckOutcome outcome, std::string detail) {
  CheckReport report;
  report.outcome = outcome;
  report.detail = std::move(detail);
  return report;
}

void add(CheckReport& report, std::string rule, std::string detail) {
  report.outcome = CheckOutcome::kFindings;
  ++report.findings_total;
  if (report.findings.size() < kFindingsMax) {
    report.findings.push_back({std::move(rule), std::move(detail)});
  }
}

// A read-only file system without a log to read: SQLite would want to make files for one.
bool is_immutable(const std::filesystem::path& path) {
  if (::access(path.parent_path().c_str(), W_OK) == 0 || errno != EROFS) return false;
  std::error_code error;
  const auto log_bytes = std::filesystem::file_size(path.string() + "-wal", error);
  return error || log_bytes == 0;
}

void check_store(const std::filesystem::path& path, CheckReport& report) {
  // Read-only: the write-ahead log of a killed server is read, not copied into the store.
  Database database(path.string(), is_immutable(path) ? OpenMode::kImmutable : OpenMode::kReadOnly);
  const std::int64_t version = database.query_integer("PRAGMA user_version");
  if (version != kSchemaVersion) {
    report = no_store(CheckOutcome::kNoStore,
                      path.string() + " has schema version " + std::to_string(version) +
                          "; this program checks version " + std::to_string(kSchemaVersion) + ".");
    return;
  }
  database.begin_read();
  for (const std::string& difference : schema_differences(database)) {
    add(report, "schema", "In " + path.string() + " " + difference + ".");
  }
  // Without its tables and indexes, what follows could not even be asked.
  if (report.findings_total > 0) return;
  const StoreCounts counts = check_all(database, [&](std::string rule, std::string detail) {
    add(report, std::move(rule), std::move(detail));
  });
  report.users = counts.users;
  report.chats = counts.chats;
  report.records = counts.records;
}

}  // namespace

CheckReport check_data_directory(const std::filesystem::path& data_dir) {
  const auto lock = DirectoryLock::acquire(data_dir, DirectoryLock::Mode::kRead);
  if (!lock) {
    return no_store(is_locked(lock.error()) ? CheckOutcome::kLocked : CheckOutcome::kNoStore,
                    lock.error().detail);
  }
  const std::filesystem::path path = database_path(data_dir);
  const auto kind = inspect_file(path);
  if (!kind) return no_store(CheckOutcome::kNoStore, kind.error().detail);
  if (*kind == FileKind::kAbsent) {
    return no_store(CheckOutcome::kNoStore, "There is no store at " + path.string() + ".");
  }
  if (*kind == FileKind::kForeign) {
    return no_store(CheckOutcome::kNoStore, path.string() + " is not a store of Maru.");
  }
  CheckReport report;
  try {
    check_store(path, report);
  } catch (const SqliteError& error) {
    add(report, "integrity", path.string() + " cannot be read: " + error.what() + ".");
  }
  return report;
}

}  // namespace maru::sqlite
