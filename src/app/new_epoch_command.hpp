// `maru new-epoch`: the last step of a restore. Clients that had seen more than the backup holds
// take the restored numbers for old ones until the epoch tells them to begin anew.
#pragma once

#include "app/config.hpp"

namespace maru::app {

// The program's exit code (exit_codes.hpp), as `maru check` has them.
int new_epoch_command(const Config& config);

}  // namespace maru::app
