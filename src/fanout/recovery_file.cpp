#include "fanout/recovery_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/log.hpp"

namespace maru::fanout {
namespace {

// Room for the largest table: a million ring entries, 100,000 pids, two million chats.
constexpr std::size_t kFileBytesMax = 256 * 1024 * 1024;

class File {
 public:
  File(const std::filesystem::path& path, int flags)
      : descriptor_(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool read_all(int descriptor, std::string& out) {
  struct stat status{};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return false;
  if (status.st_size < 0 || static_cast<std::size_t>(status.st_size) > kFileBytesMax) return false;
  out.resize(static_cast<std::size_t>(status.st_size));
  std::size_t size = 0;
  while (size < out.size()) {
    const ssize_t got = ::read(descriptor, out.data() + size, out.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    size += static_cast<std::size_t>(got);
  }
  return true;
}

bool warn(std::string_view what, const std::filesystem::path& path, std::string_view why) {
  log::warn(what, {{"path", path.native()}, {"reason", why}});
  return false;
}

}  // namespace

bool save_recovery(const RecoveryTable& table, const std::filesystem::path& path,
                   std::string_view store_epoch) {
  constexpr std::string_view kWhat = "recovery_not_saved";
  std::filesystem::path temporary = path;
  temporary += ".tmp";
  bool written = false;
  {
    const File file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file.is_open()) return warn(kWhat, path, std::strerror(errno));
    written =
        write_all(file.descriptor(), table.save(store_epoch)) && ::fsync(file.descriptor()) == 0;
  }
  if (written && ::rename(temporary.c_str(), path.c_str()) == 0) return true;
  const int error = errno;
  ::unlink(temporary.c_str());
  return warn(kWhat, path, std::strerror(error));
}

bool load_recovery(RecoveryTable& table, const std::filesystem::path& path,
                   std::string_view store_epoch) {
  constexpr std::string_view kWhat = "recovery_not_loaded";
  std::string bytes;
  {
    const File file(path, O_RDONLY);
    if (!file.is_open()) {
      return errno == ENOENT ? false : warn(kWhat, path, std::strerror(errno));
    }
    if (!read_all(file.descriptor(), bytes)) bytes.clear();
  }
  // Before it is used: a second use, after a crash of this run, would lose events silently.
  if (::unlink(path.c_str()) != 0) return warn(kWhat, path, std::strerror(errno));
  if (const Result<void> loaded = table.load(bytes, store_epoch); !loaded) {
    return warn(kWhat, path, loaded.error().detail);
  }
  return true;
}

}  // namespace maru::fanout
