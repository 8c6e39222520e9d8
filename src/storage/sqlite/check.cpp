#include "storage/sqlite/check.hpp"

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

void check_store(const std::filesystem::path& path, CheckReport& report) {
  // Read-only: the write-ahead log of a killed server is read, not copied into the store.
  Database database(path.string(), OpenMode::kReadOnly);
  const std::int64_t version = database.query_integer("PRAGMA user_version");
  if (version != kSchemaVersion) {
    report = no_store(CheckOutcome::kNoStore,
                      path.string() + " has schema version " + std::to_string(version) +
                          "; this program checks version " + std::to_string(kSchemaVersion) + ".");
    return;
  }
  database.begin_read();
  const StoreCounts counts = check_all(database, [&](std::string rule, std::string detail) {
    add(report, std::move(rule), std::move(detail));
  });
  report.users = counts.users;
  report.chats = counts.chats;
  report.records = counts.records;
}

}  // namespace

CheckReport check_data_directory(const std::filesystem::path& data_dir) {
  const auto lock = DirectoryLock::acquire(data_dir, DirectoryLock::Mode::kExisting);
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
