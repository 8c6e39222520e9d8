#include "base/private_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace maru {
namespace {

class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags)
      : number_(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

std::unexpected<Error> failed(const char* what) {
  return fail(ErrorCode::kUnavailable,
              std::string(what) + ": " + std::generic_category().message(errno) + ".");
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Result<void> write_private_file(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::path temporary = path;
  temporary += ".tmp";
  bool written = false;
  {
    const Descriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    if (file.number() < 0) return failed("It cannot be made");
    written = write_all(file.number(), bytes) && ::fsync(file.number()) == 0;
  }
  if (written && ::rename(temporary.c_str(), path.c_str()) == 0) return {};
  auto error = failed("It cannot be written");
  ::unlink(temporary.c_str());
  return error;
}

Result<std::optional<std::string>> read_private_file(const std::filesystem::path& path,
                                                     std::size_t bytes_max) {
  const Descriptor file(path, O_RDONLY);
  if (file.number() < 0) {
    if (errno == ENOENT) return std::nullopt;
    return failed("It cannot be opened");
  }
  struct stat status{};
  if (::fstat(file.number(), &status) != 0) return failed("It cannot be looked at");
  if (!S_ISREG(status.st_mode) || status.st_size < 0 ||
      static_cast<std::size_t>(status.st_size) > bytes_max) {
    return fail(ErrorCode::kUnavailable, "It is no file of the kind that is kept here.");
  }
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  for (std::size_t size = 0; size < bytes.size();) {
    const ssize_t got = ::read(file.number(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return failed("It cannot be read");
    size += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace maru
