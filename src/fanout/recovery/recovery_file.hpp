// The recovery table on disk between a graceful stop and the next start; see
// SocketRecovery::save_to and load_from for the contract. Blocks on the disk.
#pragma once

#include <filesystem>
#include <string_view>

#include "fanout/recovery/recovery_table.hpp"

namespace maru::fanout {

// Written beside `path` and renamed over it; readable by its owner only, since pids are secrets.
bool save_recovery(const RecoveryTable& table, const std::filesystem::path& path,
                   std::string_view store_epoch);
bool load_recovery(RecoveryTable& table, const std::filesystem::path& path,
                   std::string_view store_epoch);

}  // namespace maru::fanout
