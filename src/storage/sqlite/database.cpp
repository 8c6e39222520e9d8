#include "storage/sqlite/database.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>

namespace maru::sqlite {
namespace {

[[noreturn]] void raise(sqlite3* handle, int code) {
  const int extended = handle ? sqlite3_extended_errcode(handle) : code;
  // A call that fails before it reaches the connection leaves the connection's code untouched.
  const bool same = (extended & 0xff) == (code & 0xff);
  throw SqliteError(same ? extended : code,
                    same && handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code));
}

[[noreturn]] void raise(sqlite3_stmt* statement, int code) {
  raise(sqlite3_db_handle(statement), code);
}

// https://www.sqlite.org/uri.html
std::string immutable_uri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    switch (c) {
      case '%':
        uri += "%25";
        break;
      case '?':
        uri += "%3f";
        break;
      case '#':
        uri += "%23";
        break;
      default:
        uri += c;
    }
  }
  return uri + "?immutable=1";
}

// SQLite's count of its memory takes a lock of the whole process at each allocation, and it
// allocates for each row of a page. Nobody asks for it. Refused, and no harm, where somebody has
// used SQLite before us.
void leave_memory_uncounted() {
  [[maybe_unused]] static const int code = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

}  // namespace

Database::Database(const std::string& path, OpenMode mode, const char* vfs) {
  leave_memory_uncounted();
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= mode == OpenMode::kReadWrite ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  std::string name = path;
  if (mode == OpenMode::kImmutable) {
    flags |= SQLITE_OPEN_URI;
    name = immutable_uri(path);
  }
  const int code = sqlite3_open_v2(name.c_str(), &handle_, flags, vfs);
  if (code != SQLITE_OK) {
    SqliteError error(code, handle_ ? sqlite3_errmsg(handle_) : sqlite3_errstr(code));
    sqlite3_close_v2(handle_);
    throw error;
  }
}

Database::~Database() {
  begin_read_.reset();
  begin_write_.reset();
  commit_.reset();
  sqlite3_close_v2(handle_);
}

void Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) raise(handle_, code);
}

std::int64_t Database::query_integer(const char* sql) {
  Statement statement(*this, sql);
  Rows rows = statement.query();
  return rows.next() ? rows.integer(0) : 0;
}

std::string Database::query_text(const char* sql) {
  Statement statement(*this, sql);
  Rows rows = statement.query();
  return rows.next() ? std::string(rows.text(0)) : std::string();
}

std::int64_t Database::changes() const {
  return sqlite3_changes64(handle_);
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

void Database::run_control(std::unique_ptr<Statement>& statement, const char* sql) {
  if (!statement) statement = std::make_unique<Statement>(*this, sql);
  statement->execute();
}

void Database::begin_read() {
  run_control(begin_read_, "BEGIN");
}
void Database::begin_write() {
  run_control(begin_write_, "BEGIN IMMEDIATE");
}
void Database::commit() {
  run_control(commit_, "COMMIT");
}

void Database::end_read() noexcept {
  try {
    if (in_transaction()) commit();
  } catch (const std::exception&) {
    rollback();
  }
}

void Database::rollback() noexcept {
  // SQLite has already rolled back after some failures.
  if (in_transaction()) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

Rows::~Rows() {
  // What a row of a list takes SQLite's machine, about.
  constexpr std::uint64_t kStepsOfRow = 24;
  const int steps = sqlite3_stmt_status(statement_, SQLITE_STMTSTATUS_VM_STEP, 1);
  cost_ += std::max(given_, static_cast<std::uint64_t>(std::max(steps, 0)) / kStepsOfRow);
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Rows::next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) {
    ++given_;
    return true;
  }
  if (code == SQLITE_DONE) return false;
  raise(statement_, code);
}

bool Rows::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

bool Rows::is_blob(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_BLOB;
}

bool Rows::is_text(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_TEXT;
}

std::int64_t Rows::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string_view Rows::text(int column) const {
  const auto* bytes = sqlite3_column_text(statement_, column);
  if (!bytes) return {};
  return {reinterpret_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string_view Rows::blob(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  if (!bytes) return {};
  return {static_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

TokenHash Rows::token(int column) const {
  TokenHash token;
  copy_exactly(column, token.data(), token.size());
  return token;
}

void Rows::copy_exactly(int column, void* out, std::size_t size) const {
  const std::string_view bytes = blob(column);
  if (bytes.size() != size) throw SqliteError(SQLITE_CORRUPT, "a stored id has a wrong size");
  std::memcpy(out, bytes.data(), size);
}

void Statement::prepare() {
  const int code = sqlite3_prepare_v3(database_->handle(), sql_.c_str(), -1,
                                      SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  if (code != SQLITE_OK) raise(database_->handle(), code);
  std::string().swap(sql_);
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

void Statement::bind_integer(int index, std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_, index, value);
  if (code != SQLITE_OK) raise(statement_, code);
}

void Statement::bind_text(int index, std::string_view text) {
  // An empty view may have no address, which SQLite would take for NULL.
  const char* bytes = text.data() ? text.data() : "";
  const int code = sqlite3_bind_text64(
      statement_, index, bytes, text.size(),
      lifetime_ == Lifetime::kCall ? SQLITE_STATIC : SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) raise(statement_, code);
}

void Statement::bind_blob(int index, const void* bytes, std::size_t size) {
  const int code =
      sqlite3_bind_blob64(statement_, index, bytes, size,
                          lifetime_ == Lifetime::kCall ? SQLITE_STATIC : SQLITE_TRANSIENT);
  if (code != SQLITE_OK) raise(statement_, code);
}

void Statement::bind_null(int index) {
  const int code = sqlite3_bind_null(statement_, index);
  if (code != SQLITE_OK) raise(statement_, code);
}

void Statement::finish() {
  int code = sqlite3_step(statement_);
  while (code == SQLITE_ROW) code = sqlite3_step(statement_);
  if (code != SQLITE_DONE) {
    // The error is read before reset, which would return it again.
    sqlite3* handle = sqlite3_db_handle(statement_);
    SqliteError error(sqlite3_extended_errcode(handle), sqlite3_errmsg(handle));
    sqlite3_reset(statement_);
    throw error;
  }
  code = sqlite3_reset(statement_);
  if (code != SQLITE_OK) raise(statement_, code);
}

}  // namespace maru::sqlite
