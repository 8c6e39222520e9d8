// A shim over SQLite's file system for tests: fails writes and syncs when told to, and notes every
// write, truncation, deletion and sync, so that the files can be rebuilt as a power cut would have
// left them. -shm is not noted: it does not survive the process.
//
// One store at a time; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace maru::sqlite::testing {

struct FileOperation {
  enum class Kind : std::uint8_t { kWrite, kTruncate, kDelete, kSync, kMark };
  Kind kind = Kind::kMark;
  std::string file;         // name without its directory
  std::int64_t offset = 0;  // kTruncate: the new size; kMark: the caller's number
  std::string bytes;
};

class FaultVfs {
 public:
  FaultVfs();
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;
  [[nodiscard]] const char* name() const { return name_.c_str(); }

  // ---- faults: the SQLite result code that calls end with; 0 (SQLITE_OK): none ----
  void fail_writes(int code);
  void fail_syncs(int code);
  void fail_reads(int code);

  // ---- the notes ----
  void start_noting();
  void mark(std::int64_t number);  // e.g. "append `number` was acknowledged"
  [[nodiscard]] std::vector<FileOperation> notes() const;

  // Called by the shim.
  int write_fault() const;
  int sync_fault() const;
  int read_fault() const;
  void note(FileOperation operation);

 private:
  std::string name_;
  mutable std::mutex mutex_;
  bool noting_ = false;
  int write_code_ = 0;
  int sync_code_ = 0;
  int read_code_ = 0;
  std::vector<FileOperation> notes_;
};

// Rebuilds in `directory`, which holds the files as they were at start_noting(), what is there
// after a cut just before operation `count`: everything that was synced, and of what was not a
// random part of its 512-byte sectors. Returns the last mark before the cut (0: none).
std::int64_t rebuild_after_cut(const std::filesystem::path& directory,
                               const std::vector<FileOperation>& notes, std::size_t count,
                               std::mt19937_64& random);

}  // namespace maru::sqlite::testing
