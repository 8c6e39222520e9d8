// Whether the files of an open store are still those at their paths: a directory that was removed,
// renamed or replaced under a running server takes what is acknowledged from now on along.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace maru::sqlite {

class DirectoryWatch {
 public:
  // What is watched: the directory, by its absolute path as it is now, its lock, the database and
  // the write-ahead log. Each must be there.
  static std::optional<DirectoryWatch> on(const std::filesystem::path& directory);

  // The first path that is gone or has become another file. Any thread; a few calls of stat().
  [[nodiscard]] std::optional<std::string> find_missing() const;

 private:
  struct File {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;
  };
  std::vector<File> files_;
};

}  // namespace maru::sqlite
