#include "app/new_epoch_command.hpp"

#include <cstdio>

#include "app/exit_codes.hpp"
#include "storage/sqlite/data_directory.hpp"
#include "storage/sqlite/epoch.hpp"

namespace maru::app {

int new_epoch_command(const Config& config) {
  const auto renewed = sqlite::renew_epoch(config.data_dir);
  if (!renewed) {
    std::fprintf(stderr, "maru new-epoch: %s\n", renewed.error().detail.c_str());
    return sqlite::is_locked(renewed.error()) ? kExitInUse : kExitFailure;
  }
  std::printf("%s: a new epoch\n", config.data_dir.c_str());
  return kExitDone;
}

}  // namespace maru::app
