// Reads a configuration file or `.env` whole. Start-up only; blocks.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/error.hpp"

namespace maru::app {

inline constexpr std::size_t kConfigFileBytesMax = 64 * 1024;

// Nothing if there is no such file; without a byte order mark. Errors are one sentence that names
// the path: it cannot be read, is not a regular file, is larger than kConfigFileBytesMax.
Result<std::optional<std::string>> read_small_file(const std::string& path);

}  // namespace maru::app
