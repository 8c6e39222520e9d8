#include "storage/sqlite/log_vfs.hpp"

#include <sqlite3.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <new>
#include <string_view>

namespace maru::sqlite {
namespace {

// The largest write that SQLite makes itself. Its file system for unix takes less than 128 KiB at a
// time: it keeps the low 17 bits of a size.
constexpr std::size_t kBufferBytes = std::size_t{64} * 1024;

// The log as SQLite sees it; the file below lies behind it.
struct LogFile {
  sqlite3_file base;
  sqlite3_file* below;
  char* buffer;  // kBufferBytes, from the first write on
  std::size_t size;
  sqlite3_int64 offset;  // of the buffer's first byte
};

LogFile* log_file(sqlite3_file* file) {
  return reinterpret_cast<LogFile*>(file);
}
sqlite3_file* below(sqlite3_file* file) {
  return log_file(file)->below;
}

// What could not be written is dropped: the transaction that it belongs to fails, and the next one
// begins at the same place.
int flush(sqlite3_file* file) {
  LogFile& log = *log_file(file);
  if (log.size == 0) return SQLITE_OK;
  const auto size = static_cast<int>(log.size);
  log.size = 0;
  return log.below->pMethods->xWrite(log.below, log.buffer, size, log.offset);
}

int log_close(sqlite3_file* file) {
  const int flushed = flush(file);
  delete[] log_file(file)->buffer;
  log_file(file)->buffer = nullptr;
  const int closed = below(file)->pMethods->xClose(below(file));
  return flushed != SQLITE_OK ? flushed : closed;
}

int log_read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  if (const int code = flush(file)) return code;
  return below(file)->pMethods->xRead(below(file), out, size, offset);
}

int log_write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  LogFile& log = *log_file(file);
  const auto count = static_cast<std::size_t>(size);
  const bool follows = offset == log.offset + static_cast<sqlite3_int64>(log.size);
  if (!follows || log.size + count > kBufferBytes) {
    if (const int code = flush(file)) return code;
  }
  if (!log.buffer) log.buffer = new (std::nothrow) char[kBufferBytes];
  if (!log.buffer || count > kBufferBytes) {
    return log.below->pMethods->xWrite(log.below, bytes, size, offset);
  }
  if (log.size == 0) log.offset = offset;
  std::string_view(static_cast<const char*>(bytes), count).copy(log.buffer + log.size, count);
  log.size += count;
  return SQLITE_OK;
}

int log_truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (const int code = flush(file)) return code;
  return below(file)->pMethods->xTruncate(below(file), size);
}
int log_sync(sqlite3_file* file, int flags) {
  if (const int code = flush(file)) return code;
  return below(file)->pMethods->xSync(below(file), flags);
}
int log_size(sqlite3_file* file, sqlite3_int64* size) {
  if (const int code = flush(file)) return code;
  return below(file)->pMethods->xFileSize(below(file), size);
}
int log_lock(sqlite3_file* file, int lock) {
  return below(file)->pMethods->xLock(below(file), lock);
}
int log_unlock(sqlite3_file* file, int lock) {
  return below(file)->pMethods->xUnlock(below(file), lock);
}
int log_reserved(sqlite3_file* file, int* out) {
  return below(file)->pMethods->xCheckReservedLock(below(file), out);
}
int log_control(sqlite3_file* file, int op, void* argument) {
  return below(file)->pMethods->xFileControl(below(file), op, argument);
}
int log_sector(sqlite3_file* file) {
  return below(file)->pMethods->xSectorSize(below(file));
}
int log_traits(sqlite3_file* file) {
  return below(file)->pMethods->xDeviceCharacteristics(below(file));
}

// Version 1: a log is neither mapped nor shared memory.
constexpr sqlite3_io_methods kMethods = {
    1,        log_close,  log_read,     log_write,   log_truncate, log_sync,   log_size,
    log_lock, log_unlock, log_reserved, log_control, log_sector,   log_traits, nullptr,
    nullptr,  nullptr,    nullptr,      nullptr,     nullptr};

}  // namespace

// A copy of the one below, its data included, so that what is not replaced works as there.
struct LogVfs::Registered {
  sqlite3_vfs base;
  sqlite3_vfs* below;

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out) {
    sqlite3_vfs* real = reinterpret_cast<Registered*>(vfs)->below;
    if ((flags & SQLITE_OPEN_WAL) == 0) return real->xOpen(real, path, file, flags, out);
    auto* behind = reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + sizeof(LogFile));
    *log_file(file) = {{nullptr}, behind, nullptr, 0, 0};
    const int code = real->xOpen(real, path, behind, flags, out);
    // Set by whoever wants xClose to be called.
    if (behind->pMethods) file->pMethods = &kMethods;
    return code;
  }
};

LogVfs::LogVfs(const char* below) {
  static std::atomic<int> count{0};
  name_ = "maru-log-" + std::to_string(++count);
  sqlite3_vfs* real = sqlite3_vfs_find(below);
  registered_ = std::make_unique<Registered>(Registered{*real, real});
  registered_->base.szOsFile = real->szOsFile + static_cast<int>(sizeof(LogFile));
  registered_->base.zName = name_.c_str();
  registered_->base.pNext = nullptr;
  registered_->base.xOpen = Registered::open;
  sqlite3_vfs_register(&registered_->base, 0);
}

LogVfs::~LogVfs() {
  sqlite3_vfs_unregister(&registered_->base);
}

}  // namespace maru::sqlite
