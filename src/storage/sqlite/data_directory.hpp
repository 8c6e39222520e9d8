// The directory that holds the store, and the lock that keeps it to one process.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.hpp"

namespace maru::sqlite {

// An flock on maru.lock, which holds the owner's pid for people. Ends with the object, or with the
// process however it ends.
class DirectoryLock {
 public:
  enum class Mode {
    kCreate,    // makes the directory (mode 0700), durably, and the lock's file
    kExisting,  // makes the lock's file
    kRead,      // makes nothing: where there is no lock's file, nobody has the directory
  };
  // Errors: kUnavailable, with is_locked() if another process has it; also where one of the store's
  // files is no regular file (a pipe would be waited for, a device written to); every error is one
  // sentence that names the path.
  static Result<DirectoryLock> acquire(const std::filesystem::path& directory, Mode mode);

  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

// Is `error` "another process uses the data directory"?
[[nodiscard]] bool is_locked(const Error& error);

[[nodiscard]] std::filesystem::path lock_path(const std::filesystem::path& directory);
[[nodiscard]] std::filesystem::path database_path(const std::filesystem::path& directory);

enum class FileKind {
  kAbsent,
  kMaru,     // SQLite, with our application id
  kForeign,  // anything else, which must not be touched
};
// By the file's header alone; changes nothing. Errors: kUnavailable.
[[nodiscard]] Result<FileKind> inspect_file(const std::filesystem::path& path);

[[nodiscard]] bool sync_directory(const std::filesystem::path& directory);

}  // namespace maru::sqlite
