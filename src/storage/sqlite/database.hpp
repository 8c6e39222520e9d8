// A thin, owning view of SQLite's C API for this folder. One connection belongs to one thread.
//
// Inside the folder a failing call throws SqliteError; SqliteStore, ReaderPool and the check catch
// it at the folder's edge and turn it into a Result, a fatal stop or a finding (errors.hpp).
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/id.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace maru::sqlite {

class SqliteError final : public std::exception {
 public:
  // `code` is SQLite's extended result code.
  SqliteError(int code, std::string text) : code_(code), text_(std::move(text)) {}
  [[nodiscard]] int code() const { return code_; }
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

 private:
  int code_;
  std::string text_;
};

// The caller broke the store's contract (an unknown chat, a gap in the sequence): nothing is
// written.
class ContractError final : public std::exception {
 public:
  enum class Kind : std::uint8_t { kConflict, kUnknownReference };
  ContractError(Kind kind, std::string text) : kind_(kind), text_(std::move(text)) {}
  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

 private:
  Kind kind_;
  std::string text_;
};

class Statement;

// Bytes to bind as a BLOB; the holder outlives the call that takes it.
struct Blob {
  std::string_view bytes;
};

// kImmutable: as kReadOnly, for a file that nobody can write (a read-only file system). No lock is
// taken, nothing is made beside it, and a write-ahead log is not looked for.
enum class OpenMode : std::uint8_t { kReadWrite, kReadOnly, kImmutable };

class Database {
 public:
  // Never creates a file. `vfs`: nullptr for the system's. Throws SqliteError.
  Database(const std::string& path, OpenMode mode, const char* vfs = nullptr);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // What its queries have cost since it was opened, in rows: those that they gave, or as many as
  // their steps come to where they counted, sorted or skipped more than they gave.
  [[nodiscard]] std::uint64_t rows_read() const { return rows_read_; }

  // Runs every statement of `sql`; rows are ignored.
  void execute(const char* sql);
  // The first column of the first row; 0 if there is none.
  [[nodiscard]] std::int64_t query_integer(const char* sql);
  [[nodiscard]] std::string query_text(const char* sql);
  [[nodiscard]] std::int64_t changes() const;
  [[nodiscard]] bool in_transaction() const;
  [[nodiscard]] sqlite3* handle() const { return handle_; }

  void begin_read();
  // Nothing was written.
  void end_read() noexcept;
  void begin_write();
  void commit();
  void rollback() noexcept;

 private:
  void run_control(std::unique_ptr<Statement>& statement, const char* sql);

  friend class Statement;

  sqlite3* handle_ = nullptr;
  std::uint64_t rows_read_ = 0;
  std::unique_ptr<Statement> begin_read_;
  std::unique_ptr<Statement> begin_write_;
  std::unique_ptr<Statement> commit_;
};

// Rolls back unless committed.
class WriteTransaction {
 public:
  explicit WriteTransaction(Database& database) : database_(database) { database_.begin_write(); }
  ~WriteTransaction() {
    if (!done_) database_.rollback();
  }
  WriteTransaction(const WriteTransaction&) = delete;
  WriteTransaction& operator=(const WriteTransaction&) = delete;
  void commit() {
    database_.commit();
    done_ = true;
  }

 private:
  Database& database_;
  bool done_ = false;
};

// The rows of one execution. Views are valid until next() or the end of the Rows.
class Rows {
 public:
  // `cost` outlives it; at the end what this execution came to is added: Database::rows_read().
  Rows(sqlite3_stmt* statement, std::uint64_t& cost) : statement_(statement), cost_(cost) {}
  ~Rows();
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  bool next();
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] bool is_blob(int column) const;
  [[nodiscard]] bool is_text(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::string_view blob(int column) const;
  // Throws SqliteError (SQLITE_CORRUPT) if the value has not the size of an id.
  template <class Id>
  [[nodiscard]] Id id(int column) const;
  // Throws as id() does.
  template <std::size_t kSize>
  [[nodiscard]] std::array<std::uint8_t, kSize> bytes(int column) const;
  [[nodiscard]] TokenHash token(int column) const;
  [[nodiscard]] WallTime time(int column) const { return {integer(column)}; }
  [[nodiscard]] std::optional<WallTime> optional_time(int column) const {
    if (is_null(column)) return std::nullopt;
    return time(column);
  }

 private:
  void copy_exactly(int column, void* out, std::size_t size) const;

  sqlite3_stmt* statement_;
  std::uint64_t& cost_;
  std::uint64_t given_ = 0;
};

template <class Id>
Id Rows::id(int column) const {
  typename Id::Bytes bytes;
  copy_exactly(column, bytes.data(), bytes.size());
  return Id(bytes);
}

template <std::size_t kSize>
std::array<std::uint8_t, kSize> Rows::bytes(int column) const {
  std::array<std::uint8_t, kSize> out{};
  copy_exactly(column, out.data(), out.size());
  return out;
}

// A prepared statement that is kept. It is prepared as it is first used: a connection has some
// dozens, and most starts need few. At most one Rows of it lives at a time. Any use may throw
// SqliteError.
class Statement {
 public:
  Statement(Database& database, std::string sql) : database_(&database), sql_(std::move(sql)) {}
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Runs to the end. The values are only read during the call.
  template <class... Values>
  void execute(const Values&... values) {
    bind_all(Lifetime::kCall, values...);
    finish();
  }
  // Starts; the values are copied.
  template <class... Values>
  [[nodiscard]] Rows query(const Values&... values) {
    bind_all(Lifetime::kCopied, values...);
    return Rows(statement_, database_->rows_read_);
  }

 private:
  enum class Lifetime : std::uint8_t { kCall, kCopied };

  template <class... Values>
  void bind_all(Lifetime lifetime, const Values&... values) {
    if (!statement_) prepare();
    lifetime_ = lifetime;
    int index = 0;
    (bind(++index, values), ...);
  }

  template <std::integral T>
  void bind(int index, T value) {
    bind_integer(index, static_cast<std::int64_t>(value));
  }
  void bind(int index, WallTime time) { bind_integer(index, time.ms); }
  template <class Tag, class Rep>
  void bind(int index, StrongNumber<Tag, Rep> number) {
    bind_integer(index, static_cast<std::int64_t>(number.value));
  }
  void bind(int index, std::string_view text) { bind_text(index, text); }
  template <class Tag>
  void bind(int index, const ObjectId<Tag>& id) {
    bind_blob(index, id.bytes().data(), id.bytes().size());
  }
  template <std::size_t kSize>
  void bind(int index, const std::array<std::uint8_t, kSize>& bytes) {
    bind_blob(index, bytes.data(), bytes.size());
  }
  void bind(int index, Blob blob) { bind_blob(index, blob.bytes.data(), blob.bytes.size()); }
  void bind(int index, std::nullopt_t) { bind_null(index); }
  template <class T>
  void bind(int index, const std::optional<T>& value) {
    if (value) {
      bind(index, *value);
    } else {
      bind_null(index);
    }
  }

  void prepare();
  void bind_integer(int index, std::int64_t value);
  void bind_text(int index, std::string_view text);
  void bind_blob(int index, const void* bytes, std::size_t size);
  void bind_null(int index);
  void finish();

  Database* database_;
  std::string sql_;  // until it is prepared
  sqlite3_stmt* statement_ = nullptr;
  Lifetime lifetime_ = Lifetime::kCall;
};

}  // namespace maru::sqlite
