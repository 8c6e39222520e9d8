// Small files of the data directory that hold secrets, read and written whole. Both block on the
// disk. Errors are one sentence that names what failed.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace maru {

// Written beside `path`, synced, and renamed over it: a reader sees the old file or the new one.
// Readable by its owner only.
Result<void> write_private_file(const std::filesystem::path& path, std::string_view bytes);
// Nothing if there is no such file. An error for what is no regular file (it is not waited for) or
// larger than `bytes_max`.
Result<std::optional<std::string>> read_private_file(const std::filesystem::path& path,
                                                     std::size_t bytes_max);

}  // namespace maru
