#include "storage/sqlite/testing/fault_vfs.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <optional>

namespace maru::sqlite::testing {
namespace {

struct ShimFile {
  sqlite3_file base;
  FaultVfs* owner;
  std::string* name;  // null: not of interest
  sqlite3_file* real;
};

ShimFile* shim(sqlite3_file* file) {
  return reinterpret_cast<ShimFile*>(file);
}
sqlite3_file* real(sqlite3_file* file) {
  return shim(file)->real;
}
const sqlite3_io_methods* methods(sqlite3_file* file) {
  return real(file)->pMethods;
}

sqlite3_vfs* real_vfs() {
  return sqlite3_vfs_find("unix");
}

int shim_close(sqlite3_file* file) {
  const int code = methods(file)->xClose(real(file));
  delete shim(file)->name;
  shim(file)->name = nullptr;
  return code;
}
int shim_read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  if (const int fault = shim(file)->owner->read_fault()) return fault;
  return methods(file)->xRead(real(file), out, size, offset);
}
int shim_write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  if (const int fault = shim(file)->owner->write_fault()) return fault;
  const int code = methods(file)->xWrite(real(file), bytes, size, offset);
  if (code == SQLITE_OK && shim(file)->name) {
    shim(file)->owner->note(
        {FileOperation::Kind::kWrite, *shim(file)->name, offset,
         std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(size))});
  }
  return code;
}
int shim_truncate(sqlite3_file* file, sqlite3_int64 size) {
  const int code = methods(file)->xTruncate(real(file), size);
  if (code == SQLITE_OK && shim(file)->name) {
    shim(file)->owner->note({FileOperation::Kind::kTruncate, *shim(file)->name, size, {}});
  }
  return code;
}
int shim_sync(sqlite3_file* file, int flags) {
  if (const int fault = shim(file)->owner->sync_fault()) return fault;
  const int code = methods(file)->xSync(real(file), flags);
  if (code == SQLITE_OK && shim(file)->name) {
    shim(file)->owner->note({FileOperation::Kind::kSync, *shim(file)->name, 0, {}});
  }
  return code;
}
int shim_size(sqlite3_file* file, sqlite3_int64* size) {
  return methods(file)->xFileSize(real(file), size);
}
int shim_lock(sqlite3_file* file, int lock) {
  return methods(file)->xLock(real(file), lock);
}
int shim_unlock(sqlite3_file* file, int lock) {
  return methods(file)->xUnlock(real(file), lock);
}
int shim_reserved(sqlite3_file* file, int* out) {
  return methods(file)->xCheckReservedLock(real(file), out);
}
int shim_control(sqlite3_file* file, int op, void* argument) {
  return methods(file)->xFileControl(real(file), op, argument);
}
int shim_sector(sqlite3_file* file) {
  return methods(file)->xSectorSize(real(file));
}
int shim_traits(sqlite3_file* file) {
  return methods(file)->xDeviceCharacteristics(real(file));
}
int shim_shm_map(sqlite3_file* file, int region, int size, int extend, void volatile** out) {
  return methods(file)->xShmMap(real(file), region, size, extend, out);
}
int shim_shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  return methods(file)->xShmLock(real(file), offset, count, flags);
}
void shim_shm_barrier(sqlite3_file* file) {
  methods(file)->xShmBarrier(real(file));
}
int shim_shm_unmap(sqlite3_file* file, int remove) {
  return methods(file)->xShmUnmap(real(file), remove);
}

constexpr sqlite3_io_methods kMethods = {
    2,           shim_close,   shim_read,     shim_write,       shim_truncate,  shim_sync,
    shim_size,   shim_lock,    shim_unlock,   shim_reserved,    shim_control,   shim_sector,
    shim_traits, shim_shm_map, shim_shm_lock, shim_shm_barrier, shim_shm_unmap, nullptr,
    nullptr};

std::string name_of(const char* path) {
  return path ? std::filesystem::path(path).filename().string() : std::string();
}

int shim_open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  ShimFile* opened = shim(file);
  opened->base.pMethods = nullptr;
  opened->owner = static_cast<FaultVfs*>(vfs->pAppData);
  opened->name = nullptr;
  opened->real = reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + sizeof(ShimFile));
  sqlite3_vfs* below = real_vfs();
  const int code = below->xOpen(below, path, opened->real, flags, out_flags);
  if (opened->real->pMethods) {
    opened->base.pMethods = &kMethods;
    if (path) opened->name = new std::string(name_of(path));
  }
  return code;
}

int shim_delete(sqlite3_vfs* vfs, const char* path, int sync_directory) {
  sqlite3_vfs* below = real_vfs();
  const int code = below->xDelete(below, path, sync_directory);
  if (code == SQLITE_OK) {
    static_cast<FaultVfs*>(vfs->pAppData)
        ->note({FileOperation::Kind::kDelete, name_of(path), 0, {}});
  }
  return code;
}

using Contents = std::map<std::string, std::string>;

void apply(std::string& content, const FileOperation& operation) {
  const auto offset = static_cast<std::size_t>(operation.offset);
  if (operation.kind == FileOperation::Kind::kTruncate) {
    content.resize(offset);
    return;
  }
  if (content.size() < offset + operation.bytes.size()) {
    content.resize(offset + operation.bytes.size());
  }
  operation.bytes.copy(content.data() + offset, operation.bytes.size());
}

// Of a write that was not synced: each 512-byte sector reached the disk or did not.
void apply_partly(std::string& content, const FileOperation& operation, std::mt19937_64& random) {
  constexpr std::size_t kSector = 512;
  if (operation.kind == FileOperation::Kind::kTruncate) {
    if (random() % 2 == 0) apply(content, operation);
    return;
  }
  const bool torn = random() % 4 == 0;
  const bool all = random() % 2 == 0;
  for (std::size_t at = 0; at < operation.bytes.size(); at += kSector) {
    if (torn ? random() % 2 == 0 : !all) continue;
    apply(content, {FileOperation::Kind::kWrite,
                    {},
                    operation.offset + static_cast<std::int64_t>(at),
                    operation.bytes.substr(at, kSector)});
  }
}

}  // namespace

FaultVfs::FaultVfs() {
  static int count = 0;
  name_ = "maru-fault-" + std::to_string(++count);
  const sqlite3_vfs* below = sqlite3_vfs_find("unix");
  auto* vfs = new sqlite3_vfs(*below);
  vfs->szOsFile = below->szOsFile + static_cast<int>(sizeof(ShimFile));
  vfs->zName = name_.c_str();
  vfs->pAppData = this;
  vfs->pNext = nullptr;
  vfs->xOpen = shim_open;
  vfs->xDelete = shim_delete;
  sqlite3_vfs_register(vfs, 0);
}

FaultVfs::~FaultVfs() {
  sqlite3_vfs* vfs = sqlite3_vfs_find(name_.c_str());
  sqlite3_vfs_unregister(vfs);
  delete vfs;
}

void FaultVfs::fail_writes(int code) {
  const std::lock_guard lock(mutex_);
  write_code_ = code;
}
void FaultVfs::fail_syncs(int code) {
  const std::lock_guard lock(mutex_);
  sync_code_ = code;
}
void FaultVfs::fail_reads(int code) {
  const std::lock_guard lock(mutex_);
  read_code_ = code;
}
int FaultVfs::write_fault() const {
  const std::lock_guard lock(mutex_);
  return write_code_;
}
int FaultVfs::sync_fault() const {
  const std::lock_guard lock(mutex_);
  return sync_code_;
}
int FaultVfs::read_fault() const {
  const std::lock_guard lock(mutex_);
  return read_code_;
}

void FaultVfs::start_noting() {
  const std::lock_guard lock(mutex_);
  noting_ = true;
  notes_.clear();
}

void FaultVfs::mark(std::int64_t number) {
  note({FileOperation::Kind::kMark, {}, number, {}});
}

void FaultVfs::note(FileOperation operation) {
  const std::lock_guard lock(mutex_);
  if (noting_) notes_.push_back(std::move(operation));
}

std::vector<FileOperation> FaultVfs::notes() const {
  const std::lock_guard lock(mutex_);
  return notes_;
}

std::int64_t rebuild_after_cut(const std::filesystem::path& directory,
                               const std::vector<FileOperation>& notes, std::size_t count,
                               std::mt19937_64& random) {
  Contents contents;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::ifstream in(entry.path(), std::ios::binary);
    contents[entry.path().filename().string()].assign(std::istreambuf_iterator<char>(in), {});
  }
  std::map<std::string, std::size_t> synced;  // operations of a file before this one are durable
  for (std::size_t i = 0; i < count; ++i) {
    if (notes[i].kind == FileOperation::Kind::kSync) synced[notes[i].file] = i;
  }
  std::int64_t mark = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const FileOperation& operation = notes[i];
    if (operation.kind == FileOperation::Kind::kMark) mark = operation.offset;
    if (operation.kind == FileOperation::Kind::kDelete) contents.erase(operation.file);
    if (operation.kind != FileOperation::Kind::kWrite &&
        operation.kind != FileOperation::Kind::kTruncate) {
      continue;
    }
    std::string& content = contents[operation.file];
    const auto durable = synced.find(operation.file);
    if (durable != synced.end() && i < durable->second) {
      apply(content, operation);
    } else {
      apply_partly(content, operation, random);
    }
  }
  for (const auto& [name, content] : contents) {
    std::ofstream(directory / name, std::ios::binary | std::ios::trunc) << content;
  }
  return mark;
}

}  // namespace maru::sqlite::testing
