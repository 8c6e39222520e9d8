// `maru check`: reads a stopped server's data directory and prints every finding.
#pragma once

#include "app/config.hpp"

namespace maru::app {

// The program's exit code (exit_codes.hpp). kExitDone: every chat's log is dense, unique and
// readable; kExitFailure: a finding, or a directory that cannot be read; kExitInUse: a server is
// using it.
int check_command(const Config& config);

}  // namespace maru::app
