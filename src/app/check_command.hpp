// `maru check`: reads a stopped server's data directory and prints every finding.
#pragma once

#include "app/config.hpp"

namespace maru::app {

// The program's exit code. 0: every chat's log is dense, unique and readable; 1: a finding, or a
// directory that cannot be read; 2: a server is using it.
int check_command(const Config& config);

}  // namespace maru::app
