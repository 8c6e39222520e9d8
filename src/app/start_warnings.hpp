// What an operator should know of how the server was started, as warnings of the log. Start-up
// only, once the data directory is there.
#pragma once

#include "app/config.hpp"

namespace maru::app {

void warn_of_risks(const Config& config);

// Where each setting that is not a default came from; a secret's value is masked.
void log_settings(const Config& config);

}  // namespace maru::app
