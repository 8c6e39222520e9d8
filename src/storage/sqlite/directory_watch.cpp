#include "storage/sqlite/directory_watch.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "storage/sqlite/data_directory.hpp"

namespace maru::sqlite {

std::optional<DirectoryWatch> DirectoryWatch::on(const std::filesystem::path& directory) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(directory, error);
  if (error) return std::nullopt;
  DirectoryWatch watch;
  const std::filesystem::path database = database_path(absolute);
  for (const std::filesystem::path& path :
       {absolute, lock_path(absolute), database, std::filesystem::path(database) += "-wal"}) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return std::nullopt;
    watch.files_.push_back({path.string(), status.st_dev, status.st_ino});
  }
  return watch;
}

std::optional<std::string> DirectoryWatch::find_missing() const {
  for (const File& file : files_) {
    struct stat status{};
    if (::stat(file.path.c_str(), &status) != 0) {
      // Of the rest nothing is known: a failing disk is told by the store's own calls.
      if (errno == ENOENT || errno == ENOTDIR || errno == ESTALE) return file.path;
    } else if (status.st_dev != file.device || status.st_ino != file.inode) {
      return file.path;
    }
  }
  return std::nullopt;
}

}  // namespace maru::sqlite
