// The claim of one server on the *path* of its data directory, beside the lock inside of it: after
// `rm -r` or `mv` the lock's file is gone from the path while the server still runs, and another
// one would make a new directory there.
//
// A listening socket in Linux's abstract namespace, named by a hash of the path: it is gone with
// the process however that ends, and leaves nothing on the disk. It holds within one network
// namespace; containers that share a directory are kept apart by the lock alone. A name that
// another user took first does not count, so that nobody can keep a server from starting.
#pragma once

#include <filesystem>
#include <vector>

#include "base/error.hpp"

namespace maru::app {

class PathClaim {
 public:
  // Of the path as given (absolute), and of where it leads. Start-up only. The error is one
  // sentence that names the directory and the process that has it.
  static Result<PathClaim> take(const std::filesystem::path& directory);

  PathClaim(PathClaim&& other) noexcept = default;
  PathClaim& operator=(PathClaim&& other) noexcept = delete;
  ~PathClaim();

 private:
  PathClaim() = default;
  std::vector<int> descriptors_;
};

}  // namespace maru::app
