// Reads a configuration file or `.env` whole. Start-up only; blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/error.hpp"

namespace maru::app {

inline constexpr std::size_t kConfigFileBytesMax = 64 * 1024;

enum class Writers : std::uint8_t {
  kAnybody,
  kOwnerOnly,  // this process's user or root; nobody else may have put or written it
};

// Nothing if there is no such file; without a byte order mark. Errors are one sentence that names
// the path: it cannot be read, is not a regular file, is larger than kConfigFileBytesMax, belongs
// to another user or may be written by others.
Result<std::optional<std::string>> read_small_file(const std::string& path, Writers writers);

}  // namespace maru::app
