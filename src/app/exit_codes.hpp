// What the program's exit code says to scripts and service managers (docs/operations).
#pragma once

namespace maru::app {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailure = 1;  // could not start; a finding; no store there
inline constexpr int kExitInUse = 2;    // another process uses the data directory
inline constexpr int kExitUsage = 64;   // wrong arguments or configuration (EX_USAGE)
// 70 (EX_SOFTWARE): the store stopped the process, storage/sqlite/errors.hpp.

}  // namespace maru::app
