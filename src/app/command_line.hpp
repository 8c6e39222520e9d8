// The program's arguments. Knows the verbs and the table of options, not what values mean.
#pragma once

#include <string>
#include <vector>

#include "app/config.hpp"
#include "app/config_file.hpp"
#include "base/error.hpp"

namespace maru::app {

struct CommandLine {
  Verb verb = Verb::kServe;
  Values values;          // by option name; only what was given
  std::string help_text;  // kHelp only
};

// An error's detail is one sentence that names the argument.
Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments);

}  // namespace maru::app
