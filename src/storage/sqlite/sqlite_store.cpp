#include "storage/sqlite/sqlite_store.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "base/log.hpp"
#include "storage/sqlite/chat_queries.hpp"
#include "storage/sqlite/log_vfs.hpp"
#include "storage/sqlite/rebuild.hpp"
#include "storage/sqlite/record_queries.hpp"
#include "storage/sqlite/rules.hpp"
#include "storage/sqlite/schema.hpp"
#include "storage/sqlite/store_file.hpp"
#include "storage/sqlite/tail_rules.hpp"
#include "storage/sqlite/user_queries.hpp"
#include "storage/sqlite/writer.hpp"

namespace maru::sqlite {
namespace {

constexpr int kBusyTimeoutMs = 200;  // somebody's command-line tool; no process of ours writes

int note_wal_pages(void* pages, sqlite3*, const char*, int count) {
  *static_cast<std::uint64_t*>(pages) = static_cast<std::uint64_t>(count);
  return SQLITE_OK;
}

void configure(Database& database, const StoreOptions& options) {
  sqlite3_busy_timeout(database.handle(), kBusyTimeoutMs);
  sqlite3_db_config(database.handle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  const std::string sql =
      "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA trusted_schema=OFF;"
      "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-" +
      std::to_string(options.writer_cache_bytes / 1024) +
      "; PRAGMA journal_size_limit=" + std::to_string(options.wal_bytes_kept);
  database.execute(sql.c_str());
  if (options.page_count_max > 0) {
    database.execute(("PRAGMA max_page_count=" + std::to_string(options.page_count_max)).c_str());
  }
}

// An older store becomes one of this version.
Result<void> bring_forward(const std::filesystem::path& path, const char* vfs) {
  int version = 0;
  {
    Database database(path.string(), OpenMode::kReadWrite, vfs);
    version = static_cast<int>(database.query_integer("PRAGMA user_version"));
    if (version == kSchemaVersion) return {};
    database.execute("PRAGMA synchronous=FULL");
    const bool is_rebuilt = version > kRebuiltFrom;
    const int target = is_rebuilt ? kSchemaVersion : kRebuiltFrom;
    auto migrated = migrate(database, path, migrations(), target);
    if (!migrated || is_rebuilt) return migrated;
  }
  return rebuild_store(path, vfs);
}

Error cannot_open(const std::filesystem::path& path, const std::string& why) {
  return {ErrorCode::kUnavailable, "The store " + path.string() + " cannot be opened: " + why +
                                       ". `maru check` tells more."};
}

}  // namespace

struct SqliteStore::Connection {
  Connection(const std::string& path, const StoreOptions& options)
      : log_vfs(options.vfs), database(path, OpenMode::kReadWrite, log_vfs.name()) {}

  struct Queries {
    explicit Queries(Database& database)
        : writer(database),
          users(database),
          chats(database),
          records(database),
          last_ref(database, "SELECT coalesce(max(ref), 0) FROM records") {}
    Writer writer;
    UserQueries users;
    ChatQueries chats;
    RecordQueries records;
    Statement last_ref;
  };

  std::uint64_t wal_pages = 0;
  std::uint64_t page_bytes = 4096;
  LogVfs log_vfs;
  Database database;
  std::optional<Queries> queries;
};

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(StoreOptions options) {
  auto lock = DirectoryLock::acquire(options.data_dir, DirectoryLock::Mode::kCreate);
  if (!lock) return std::unexpected(lock.error());
  std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(options), std::move(*lock)));
  if (auto opened = store->open_database(); !opened) {
    store->connection_.reset();
    return std::unexpected(opened.error());
  }
  return store;
}

SqliteStore::SqliteStore(StoreOptions options, DirectoryLock lock)
    : options_(std::move(options)),
      lock_(std::move(lock)),
      disk_(options_.data_dir, options_.reserve),
      appends_(fatal_handler()),
      loads_(fatal_handler()),
      upkeep_(fatal_handler()) {
  next_checkpoint_bytes_ = options_.wal_bytes_max;
}

SqliteStore::~SqliteStore() {
  if (!connection_ || stopped_) return;
  end_loads();
  mark_clean();
  checkpoint(CheckpointMode::kTruncate);
}

Result<void> SqliteStore::open_database() {
  const std::filesystem::path path = database_path(options_.data_dir);
  const auto kind = inspect_file(path);
  if (!kind) return std::unexpected(kind.error());
  if (*kind == FileKind::kForeign) {
    return fail(ErrorCode::kUnavailable,
                path.string() + " is not a store of Maru; it was left as it is.");
  }
  if (*kind == FileKind::kAbsent) {
    if (auto created = create_store(path, options_.vfs); !created) return created;
  }
  try {
    if (auto ready = bring_forward(path, options_.vfs); !ready) return ready;
    return open_connection(path);
  } catch (const SqliteError& error) {
    return std::unexpected(cannot_open(path, error.what()));
  }
}

Result<void> SqliteStore::open_connection(const std::filesystem::path& path) {
  connection_ = std::make_unique<Connection>(path.string(), options_);
  Database& database = connection_->database;
  // Readability first: a damaged store is not even switched to WAL.
  configure(database, options_);
  if (const auto differences = schema_differences(database); !differences.empty()) {
    return std::unexpected(cannot_open(path, differences.front()));
  }
  if (database.query_text("PRAGMA journal_mode=WAL") != "wal") {
    return std::unexpected(cannot_open(path, "its file system cannot hold a write-ahead log"));
  }
  sqlite3_wal_hook(database.handle(), note_wal_pages, &connection_->wal_pages);
  connection_->page_bytes = static_cast<std::uint64_t>(database.query_integer("PRAGMA page_size"));
  connection_->queries.emplace(database);
  epoch_ = database.query_text("SELECT value FROM meta WHERE name = 'epoch'");
  if (const std::string finding = check_meta(database); !finding.empty()) {
    return std::unexpected(cannot_open(path, finding));
  }
  const TailCheck tail = check_tail(database, options_.tail_check_records_max);
  if (!tail.finding.empty()) return std::unexpected(cannot_open(path, tail.finding));
  // The log file exists by now. SQLite syncs its directory with the first write, but passes over a
  // failure; a power cut must not take the whole log away.
  if (!sync_directory(path.parent_path())) {
    return std::unexpected(cannot_open(path, "its directory cannot be synced"));
  }
  watch_ = DirectoryWatch::on(options_.data_dir);
  if (!watch_) return std::unexpected(cannot_open(path, "its files are not at their paths"));
  log::info("store_opened", {{"path", path.string()}, {"tail_records", tail.records}});
  dirty_ = tail.records > 0;
  (void)disk_.look({});
  return {};
}

std::uint64_t SqliteStore::wal_bytes() const {
  return connection_->wal_pages * connection_->page_bytes;
}

FatalHandler SqliteStore::fatal_handler() {
  return [this](std::string_view reason) {
    stopped_ = true;
    options_.fatal(reason);
  };
}

template <class Body>
auto SqliteStore::run(Edge& edge, Body&& body) -> Result<decltype(body())> {
  if (stopped_) return fail(ErrorCode::kUnavailable, "The store has stopped.");
  return edge.run(std::forward<Body>(body));
}

template <class Body>
auto SqliteStore::load(Body&& body) -> Result<decltype(body())> {
  return run(loads_, [&] {
    if (!connection_->database.in_transaction()) connection_->database.begin_read();
    return body();
  });
}

void SqliteStore::end_loads() {
  // Nothing was written: to roll back is to end.
  if (connection_->database.in_transaction()) connection_->database.rollback();
}

chat::Appended SqliteStore::append(std::span<const chat::Change> batch) {
  if (std::ranges::all_of(batch, [](const chat::Change& change) {
        return std::holds_alternative<chat::OutcomeNoted>(change);
      })) {
    return chat::Appended::kCommitted;
  }
  end_loads();
  Connection& connection = *connection_;
  const std::uint64_t log_before = wal_bytes();
  const auto appended = run(appends_, [&] {
    WriteTransaction transaction(connection.database);
    connection.queries->writer.apply(batch);
    transaction.commit();
    return true;
  });
  if (!appended) {
    connection.queries->writer.forget();
    // Whatever else it says is about one of the changes, not about the store.
    checkpoint_due_ = appended.error().code == ErrorCode::kUnavailable;
    return checkpoint_due_ ? chat::Appended::kUnavailable : chat::Appended::kConflict;
  }
  dirty_ = true;
  changes_since_checkpoint_ += batch.size();
  // A log that begins anew is shorter: then what it holds was written.
  disk_.wrote(wal_bytes() - (wal_bytes() < log_before ? 0 : log_before));
  return chat::Appended::kCommitted;
}

void SqliteStore::after_release() {
  end_loads();
  if (stopped_) return;
  if (std::exchange(checkpoint_due_, false)) {
    // What the log holds of an append that failed is of no use, and what it holds of earlier ones
    // may fit into the file: then the next append begins the log anew, and needs no room for it.
    checkpoint(CheckpointMode::kPassive);
    return;
  }
  const std::uint64_t bytes = wal_bytes();
  if (bytes < options_.wal_bytes_max) next_checkpoint_bytes_ = options_.wal_bytes_max;
  const bool is_due =
      bytes >= next_checkpoint_bytes_ || changes_since_checkpoint_ >= options_.checkpoint_changes;
  if (!is_due) return;
  changes_since_checkpoint_ = 0;
  // While readers hold the log, trying again is of use only once it has grown.
  if (bytes >= options_.wal_bytes_max) next_checkpoint_bytes_ = bytes + options_.wal_bytes_max / 4;
  mark_clean();
  if (stopped_) return;
  checkpoint(bytes >= options_.wal_bytes_hard ? CheckpointMode::kRestart
                                              : CheckpointMode::kPassive);
}

void SqliteStore::checkpoint(CheckpointMode mode) {
  sqlite3* handle = connection_->database.handle();
  static constexpr int kModes[] = {SQLITE_CHECKPOINT_PASSIVE, SQLITE_CHECKPOINT_RESTART,
                                   SQLITE_CHECKPOINT_TRUNCATE};
  sqlite3_busy_timeout(handle, options_.checkpoint_wait_ms);
  // Where it fails nothing is lost: what could not be copied stays in the log.
  [[maybe_unused]] const auto done = run(upkeep_, [&] {
    const int code = sqlite3_wal_checkpoint_v2(handle, nullptr, kModes[static_cast<int>(mode)],
                                               nullptr, nullptr);
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) {
      throw SqliteError(sqlite3_extended_errcode(handle), sqlite3_errmsg(handle));
    }
    return true;
  });
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
}

void SqliteStore::mark_clean() {
  [[maybe_unused]] const auto marked = run(upkeep_, [&] {
    Database& database = connection_->database;
    std::int64_t last = 0;
    {
      Rows rows = connection_->queries->last_ref.query();
      if (rows.next()) last = rows.integer(0);
    }
    if (last == read_meta(database, kMetaCleanMark)) return true;
    WriteTransaction transaction(database);
    write_meta(database, kMetaCleanMark, last);
    transaction.commit();
    return true;
  });
}

void SqliteStore::idle(MonotonicTime now) {
  end_loads();
  (void)disk_.look(now);
  if (stopped_ || !dirty_) return;
  if (now.ms - last_idle_checkpoint_ms_ < options_.idle_checkpoint_interval_ms) return;
  last_idle_checkpoint_ms_ = now.ms;
  dirty_ = false;
  mark_clean();
  if (!stopped_) checkpoint(CheckpointMode::kPassive);
}

Result<std::optional<chat::ChatState>> SqliteStore::load_chat(ChatId id) {
  return load([&] { return connection_->queries->chats.load_state(id); });
}

Result<std::optional<ChatId>> SqliteStore::load_personal_chat(UserId a, UserId b) {
  return load([&] { return connection_->queries->chats.find_personal(a, b); });
}

Result<std::optional<chat::User>> SqliteStore::load_user(UserId id) {
  return load([&] { return connection_->queries->users.find(id); });
}

Result<std::optional<chat::User>> SqliteStore::load_user_by_name(std::string_view folded) {
  return load([&] { return connection_->queries->users.find_by_name(folded); });
}

Result<std::vector<chat::LoginSession>> SqliteStore::load_sessions(UserId user) {
  return load([&] { return connection_->queries->users.list_sessions(user); });
}

Result<std::vector<chat::LoginSession>> SqliteStore::load_idle_sessions(WallTime idle_since,
                                                                        std::size_t limit) {
  return load([&] { return connection_->queries->users.list_idle_sessions(idle_since, limit); });
}

Result<std::size_t> SqliteStore::load_chat_count_of(UserId user, chat::Entry entry) {
  return load([&] { return connection_->queries->chats.count_of(user, entry); });
}

Result<std::vector<chat::Store::Sharing>> SqliteStore::load_sharing(
    UserId user, std::span<const UserId> others) {
  return load([&] { return connection_->queries->chats.load_sharing(user, others); });
}

Result<std::optional<chat::QuotaCount>> SqliteStore::load_quota(UserId user, chat::QuotaKind kind) {
  return load([&] { return connection_->queries->chats.find_quota(user, kind); });
}

Result<chat::RecordPtr> SqliteStore::load_by_client_msg_id(ChatId chat, UserId from,
                                                           std::string_view id) {
  return load([&] { return connection_->queries->records.find_by_client_msg_id(chat, from, id); });
}

Result<std::vector<std::optional<chat::StoredOutcome>>> SqliteStore::find_outcomes(
    std::span<const chat::CommandKey> keys) {
  return load([&] {
    std::vector<std::optional<chat::StoredOutcome>> found(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      auto record = connection_->queries->records.find_by_client_msg_id(keys[i].chat, keys[i].user,
                                                                        keys[i].command);
      if (record) found[i] = chat::StoredOutcome{std::move(record), std::nullopt};
    }
    return found;
  });
}

Result<std::optional<chat::Store::CreatedUnderKey>> SqliteStore::load_created_under_key(
    UserId caller, std::string_view key, WallTime not_before) {
  return load(
      [&] { return connection_->queries->chats.find_created_under_key(caller, key, not_before); });
}

Result<ChatNumber> SqliteStore::load_last_number() {
  return load([&] { return ChatNumber{read_meta(connection_->database, kMetaLastNumber)}; });
}

}  // namespace maru::sqlite
