#include "app/small_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace maru::app {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

std::unexpected<Error> refuse(const std::string& path, const std::string& why) {
  return fail(ErrorCode::kValidationFailed, path + ": " + why);
}

std::unexpected<Error> refuse(const std::string& path, int error) {
  return refuse(path, "cannot be read: " + std::generic_category().message(error));
}

bool is_trusted(uid_t owner) {
  return owner == ::geteuid() || owner == 0;
}

Result<void> check_writers(const std::string& path, const struct stat& status) {
  struct stat link{};
  const bool is_link = ::lstat(path.c_str(), &link) == 0 && S_ISLNK(link.st_mode);
  if (!is_trusted(status.st_uid) || (is_link && !is_trusted(link.st_uid))) {
    return refuse(path, "belongs to another user; take it away, or make it this user's (chown)");
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return refuse(path, "may be written by others; take it away, or `chmod go-w` it");
  }
  return {};
}

}  // namespace

Result<std::optional<std::string>> read_small_file(const std::string& path, Writers writers) {
  // Without O_NONBLOCK, opening a pipe would wait for its writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    if (errno == ENOENT) return std::nullopt;
    return refuse(path, errno);
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return refuse(path, errno);
  if (!S_ISREG(status.st_mode)) return refuse(path, "is not a regular file");
  if (writers == Writers::kOwnerOnly) {
    if (auto own = check_writers(path, status); !own) return std::unexpected(own.error());
  }
  std::string text(kConfigFileBytesMax + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refuse(path, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kConfigFileBytesMax) return refuse(path, "is larger than 64 KiB");
  text.resize(size);
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  return text;
}

}  // namespace maru::app
