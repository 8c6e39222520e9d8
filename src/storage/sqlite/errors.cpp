#include "storage/sqlite/errors.hpp"

#include <sqlite3.h>

#include <cstdlib>
#include <string>

#include "base/log.hpp"

namespace maru::sqlite {

Failure classify(int extended_code) {
  switch (extended_code) {
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
    case SQLITE_IOERR_COMMIT_ATOMIC:
    case SQLITE_IOERR_CORRUPTFS:
    case SQLITE_IOERR_DATA:
      return Failure::kFatal;
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return Failure::kConflict;
    default:
      break;
  }
  switch (extended_code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Failure::kFatal;
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
      return Failure::kBug;
    default:
      return Failure::kUnavailable;
  }
}

void stop_process(std::string_view reason) {
  log::last_words("store_fatal", {{"reason", reason}});
  std::_Exit(70);
}

Error Edge::to_error(const SqliteError& error) {
  const int code = error.code();
  switch (classify(code)) {
    case Failure::kConflict:
      return {ErrorCode::kIdempotencyConflict, "A unique key is taken."};
    case Failure::kBug:
      log::error("store_bug", {{"code", code}, {"error", error.what()}});
      return {ErrorCode::kInternal, "The store refused a statement."};
    case Failure::kFatal:
      fatal_("the store cannot be trusted: " + std::string(error.what()) + " (SQLite code " +
             std::to_string(code) + "); `maru check` tells more");
      return {ErrorCode::kUnavailable, "The store has stopped."};
    case Failure::kUnavailable:
      break;
  }
  if (!std::exchange(failing_, true)) {
    log::warn("store_unavailable", {{"code", code}, {"error", error.what()}});
  }
  return {ErrorCode::kUnavailable, "The store cannot be written or read at the moment."};
}

Error Edge::to_error(const ContractError& error) {
  if (error.kind() == ContractError::Kind::kConflict) {
    return {ErrorCode::kIdempotencyConflict, error.what()};
  }
  log::error("store_bug", {{"error", error.what()}});
  return {ErrorCode::kInternal, error.what()};
}

}  // namespace maru::sqlite
