#include "storage/sqlite/data_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "storage/sqlite/schema.hpp"

namespace maru::sqlite {
namespace {

constexpr std::string_view kLockedRule = "locked";

std::string reason(int error) {
  return std::generic_category().message(error);
}

// With its missing parents, each entry durable: a store in a directory that a power cut takes away
// is no store. Errors: errno.
int make_directory(const std::filesystem::path& directory, mode_t mode) {
  if (!directory.has_filename() && directory.has_relative_path()) {
    return make_directory(directory.parent_path(), mode);  // "a/"
  }
  const std::filesystem::path parent = directory.has_parent_path() ? directory.parent_path() : ".";
  std::error_code ignored;
  if (!std::filesystem::exists(parent, ignored)) {
    if (const int error = make_directory(parent, 0777)) return error;
  }
  if (::mkdir(directory.c_str(), mode) != 0) return errno == EEXIST ? 0 : errno;
  return sync_directory(parent) ? 0 : errno;
}

Result<void> prepare_directory(const std::filesystem::path& directory, DirectoryLock::Mode mode) {
  if (mode == DirectoryLock::Mode::kCreate) {
    if (const int error = make_directory(directory, 0700)) {
      return fail(ErrorCode::kUnavailable, "The data directory " + directory.string() +
                                               " cannot be created: " + reason(error) + ".");
    }
  }
  struct stat status{};
  if (::stat(directory.c_str(), &status) != 0) {
    return fail(ErrorCode::kUnavailable, "The data directory " + directory.string() +
                                             " cannot be opened: " + reason(errno) + ".");
  }
  if (!S_ISDIR(status.st_mode)) {
    return fail(ErrorCode::kUnavailable, directory.string() + " is not a directory.");
  }
  return {};
}

Result<void> refuse_special_files(const std::filesystem::path& directory) {
  for (const char* name : {"maru.lock", "maru.db", "maru.db-wal", "maru.db-shm", "maru.db-journal",
                           "recovery.bin", "recovery.bin.tmp", "known_networks.bin"}) {
    const std::filesystem::path path = directory / name;
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode)) continue;
    return fail(ErrorCode::kUnavailable, path.string() + " is not a regular file.");
  }
  return {};
}

std::string read_owner(int descriptor) {
  std::array<char, 32> buffer{};
  const ssize_t size = ::pread(descriptor, buffer.data(), buffer.size(), 0);
  std::string owner;
  for (ssize_t i = 0; i < size && buffer[i] >= '0' && buffer[i] <= '9'; ++i) owner += buffer[i];
  return owner;
}

void write_owner(int descriptor) {
  const std::string pid = std::to_string(::getpid()) + "\n";
  // Only for people: on a full disk the lock still holds.
  if (::ftruncate(descriptor, 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(descriptor, pid.data(), pid.size(), 0);
  }
}

}  // namespace

Result<DirectoryLock> DirectoryLock::acquire(const std::filesystem::path& directory, Mode mode) {
  if (auto ready = prepare_directory(directory, mode); !ready)
    return std::unexpected(ready.error());
  if (auto regular = refuse_special_files(directory); !regular) {
    return std::unexpected(regular.error());
  }
  const std::filesystem::path path = lock_path(directory);
  const bool reads = mode == Mode::kRead;
  const int access = reads ? O_RDONLY : O_RDWR | O_CREAT;
  const int descriptor = ::open(path.c_str(), access | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (descriptor < 0 && reads && errno == ENOENT) return DirectoryLock(-1);
  if (descriptor < 0) {
    return fail(ErrorCode::kUnavailable, path.string() + " cannot be opened" +
                                             (reads ? "" : " for writing") + ": " + reason(errno) +
                                             ".");
  }
  DirectoryLock lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) {
    if (!reads) write_owner(descriptor);
    return lock;
  }
  if (errno != EWOULDBLOCK) {
    return fail(ErrorCode::kUnavailable,
                path.string() + " cannot be locked: " + reason(errno) + ".");
  }
  const std::string owner = read_owner(descriptor);
  Error error{ErrorCode::kUnavailable, "The data directory " + directory.string() +
                                           " is in use by another process" +
                                           (owner.empty() ? "." : " (" + owner + ").")};
  error.fields.push_back({"data_dir", std::string(kLockedRule)});
  return std::unexpected(std::move(error));
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

DirectoryLock& DirectoryLock::operator=(DirectoryLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

DirectoryLock::~DirectoryLock() {
  // The file stays: removing it would let two processes lock two files of one name.
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool is_locked(const Error& error) {
  return error.fields.size() == 1 && error.fields.front().code == kLockedRule;
}

std::filesystem::path lock_path(const std::filesystem::path& directory) {
  return directory / "maru.lock";
}

std::filesystem::path database_path(const std::filesystem::path& directory) {
  return directory / "maru.db";
}

Result<FileKind> inspect_file(const std::filesystem::path& path) {
  // Without O_NONBLOCK, opening a pipe would wait for its writer.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    if (errno == ENOENT) return FileKind::kAbsent;
    return fail(ErrorCode::kUnavailable,
                path.string() + " cannot be opened: " + reason(errno) + ".");
  }
  struct stat status{};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor);
    return fail(ErrorCode::kUnavailable, path.string() + " is not a regular file.");
  }
  // The header of a database file, https://www.sqlite.org/fileformat2.html section 1.3.
  std::array<unsigned char, 100> header{};
  const ssize_t size = ::pread(descriptor, header.data(), header.size(), 0);
  ::close(descriptor);
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  if (size != static_cast<ssize_t>(header.size()) ||
      std::memcmp(header.data(), kMagic.data(), kMagic.size()) != 0) {
    return FileKind::kForeign;
  }
  const std::uint32_t application = std::uint32_t{header[68]} << 24 |
                                    std::uint32_t{header[69]} << 16 |
                                    std::uint32_t{header[70]} << 8 | std::uint32_t{header[71]};
  return application == kApplicationId ? FileKind::kMaru : FileKind::kForeign;
}

bool sync_directory(const std::filesystem::path& directory) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool synced = ::fsync(descriptor) == 0;
  ::close(descriptor);
  return synced;
}

}  // namespace maru::sqlite
