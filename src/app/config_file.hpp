// The two files that can set options: `.env` and the TOML file of --config. Pure: text in, values
// out.
#pragma once

#include <map>
#include <string>

#include "base/error.hpp"

namespace maru::app {

using Values = std::map<std::string, std::string>;

// KEY=VALUE lines; `export`, comments and quotes as in a shell, without expansion. By variable.
Values parse_dotenv(const std::string& text);

// A TOML 1.0 document of `option = value`, the value a string, an integer, a boolean or a list of
// strings, which is joined with commas. By option name. Errors: one sentence with the path and the
// line that says what is no TOML, no option, or not such a value.
Result<Values> parse_config_file(const std::string& path, const std::string& text);

}  // namespace maru::app
