#include "app/config.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <utility>

#include "app/option_table.hpp"

namespace maru::app {
namespace {

constexpr std::size_t kConfigFileBytesMax = 64 * 1024;

using Values = std::map<std::string, std::string>;

struct CommandLine {
  Verb verb = Verb::kServe;
  Values values;  // by option name
  std::string help_text;
};

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments) {
  CLI::App program("Maru, a chat server in one binary.", "maru");
  program.require_subcommand(0, 1);
  CLI::App* serve = program.add_subcommand("serve", "Run the server (what happens without a verb)");
  CLI::App* version = program.add_subcommand("version", "Print the version");
  CLI::App* check = program.add_subcommand(
      "check", "Check a stopped server's data directory; 1: a finding, 2: locked");
  program.fallthrough();
  program.set_version_flag("--version", std::string("maru ") + MARU_VERSION);

  CommandLine line;
  auto add = [&](const OptionRow& row) {
    std::string help = row.help;
    if (!row.default_text.empty()) help += " [" + row.default_text + "]";
    help += "  (" + variable_of(row.name);
    if (!row.original_name.empty()) help += ", " + row.original_name;
    help += ")";
    program.add_option("--" + row.name, line.values[row.name], help)->option_text(row.value);
  };
  for (const OptionRow& row : option_rows()) add(row);
  add({"config", "", "FILE", "", "configuration file (TOML); every option is a key of it", {}});
  for (CLI::App* verb : {serve, version, check}) verb->fallthrough();

  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    program.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    line.verb = Verb::kHelp;
    line.help_text = program.help();
    return line;
  } catch (const CLI::CallForVersion&) {
    line.verb = Verb::kVersion;
    return line;
  } catch (const CLI::ParseError& error) {
    return fail(ErrorCode::kValidationFailed, error.what());
  }
  std::erase_if(line.values, [&](const auto& entry) {
    return program.get_option("--" + entry.first)->count() == 0;
  });
  if (version->parsed()) line.verb = Verb::kVersion;
  if (check->parsed()) line.verb = Verb::kCheck;
  return line;
}

// KEY=VALUE lines; `export`, comments and quotes as in a shell, without expansion.
Values parse_dotenv(const std::string& text) {
  Values values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    line.erase(0, line.find_first_not_of(" \t"));
    if (line.starts_with("export ")) line.erase(0, 7);
    const std::size_t equals = line.find('=');
    if (line.empty() || line[0] == '#' || equals == std::string::npos) continue;
    std::string key = line.substr(0, equals);
    std::string value = line.substr(equals + 1);
    key.erase(key.find_last_not_of(" \t") + 1);
    value.erase(0, value.find_first_not_of(" \t"));
    const char quote = value.empty() ? '\0' : value[0];
    if (quote == '"' || quote == '\'') {
      const std::size_t end = value.find(quote, 1);
      value = value.substr(1, end == std::string::npos ? std::string::npos : end - 1);
    } else {
      if (const std::size_t comment = value.find(" #"); comment != std::string::npos) {
        value.resize(comment);
      }
      value.erase(value.find_last_not_of(" \t") + 1);
    }
    values[key] = value;
  }
  return values;
}

Result<Values> parse_config_file(const std::string& path, const std::string& text) {
  Values values;
  std::istringstream input(text);
  try {
    for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_config(input)) {
      if (item.name == "++" || item.name == "--") continue;  // section marks
      const auto& rows = option_rows();
      const bool known = item.parents.empty() && std::ranges::any_of(rows, [&](const OptionRow& r) {
                           return r.name == item.name;
                         });
      if (!known) {
        return fail(ErrorCode::kValidationFailed, path + ": unknown key '" + item.fullname() + "'");
      }
      std::string joined;
      for (const std::string& part : item.inputs) joined += (joined.empty() ? "" : ",") + part;
      values[item.name] = joined;
    }
  } catch (const CLI::Error& error) {
    return fail(ErrorCode::kValidationFailed, path + ": " + error.what());
  }
  return values;
}

struct Found {
  std::string value;
  std::string source;
};

// The layers in the order of precedence; the first that has a value wins.
class Layers {
 public:
  Layers(Values command_line, const Environment& environment, Values dotenv, Values file,
         std::string file_name)
      : command_line_(std::move(command_line)),
        environment_(environment),
        dotenv_(std::move(dotenv)),
        file_(std::move(file)),
        file_name_(std::move(file_name)) {}

  [[nodiscard]] std::optional<Found> find(const std::string& option,
                                          const std::string& original) const {
    if (auto it = command_line_.find(option); it != command_line_.end()) {
      return Found{it->second, "--" + option};
    }
    const std::string variable = variable_of(option);
    for (const std::string& name : {variable, original}) {
      if (name.empty()) continue;
      if (auto value = environment_.variable(name)) return Found{*value, name};
    }
    for (const std::string& name : {variable, original}) {
      if (auto it = dotenv_.find(name); !name.empty() && it != dotenv_.end()) {
        return Found{it->second, name + " in .env"};
      }
    }
    if (auto it = file_.find(option); it != file_.end()) {
      return Found{it->second, "'" + option + "' in " + file_name_};
    }
    return std::nullopt;
  }

 private:
  Values command_line_;
  const Environment& environment_;
  Values dotenv_;
  Values file_;
  std::string file_name_;
};

Result<void> apply(const Layers& layers, Config& config) {
  for (const OptionRow& row : option_rows()) {
    const auto found = layers.find(row.name, row.original_name);
    if (!found) continue;
    // An empty variable is as good as none: shells and compose files leave such ones about.
    if (found->value.empty() && !found->source.starts_with("--")) continue;
    if (const auto rule = row.set(config, found->value)) {
      return fail(ErrorCode::kValidationFailed,
                  found->source + ": '" + found->value + "' is refused; it must be " + *rule);
    }
    config.sources[row.name] = found->source;
  }
  return {};
}

Result<void> finish(Config& config) {
  if (config.tls_cert.empty() != config.tls_key.empty()) {
    return fail(ErrorCode::kValidationFailed,
                "--tls-cert and --tls-key go together; one of them is missing");
  }
  config.gateway.own_tls = !config.tls_cert.empty();
  config.gateway.recovery_default =
      config.recovery.value_or(config.gateway.auth == gateway::AuthMode::kOpen);
  config.gateway.version = MARU_VERSION;
  return {};
}

}  // namespace

Environment process_environment() {
  return {
      [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value ? std::optional<std::string>(value) : std::nullopt;
      },
      [](const std::string& path) -> std::optional<std::string> {
        std::ifstream file(path, std::ios::binary);
        if (!file) return std::nullopt;
        std::string text(kConfigFileBytesMax + 1, '\0');
        file.read(text.data(), static_cast<std::streamsize>(text.size()));
        text.resize(static_cast<std::size_t>(file.gcount()));
        return text;
      },
  };
}

Result<Config> load_config(const std::vector<std::string>& arguments,
                           const Environment& environment) {
  auto line = parse_command_line(arguments);
  if (!line) return std::unexpected(line.error());
  Config config;
  config.verb = line->verb;
  config.help_text = std::move(line->help_text);
  if (config.verb == Verb::kHelp || config.verb == Verb::kVersion) return config;

  Values dotenv;
  if (const auto text = environment.read_file(".env")) {
    if (text->size() > kConfigFileBytesMax) {
      return fail(ErrorCode::kValidationFailed, ".env: larger than 64 KiB");
    }
    dotenv = parse_dotenv(*text);
  }

  Values file;
  std::string file_name;
  const Layers without_file(line->values, environment, dotenv, {}, "");
  if (const auto found = without_file.find("config", "")) {
    file_name = found->value;
    const auto text = environment.read_file(file_name);
    if (!text) {
      return fail(ErrorCode::kValidationFailed,
                  found->source + ": cannot read the file '" + file_name + "'");
    }
    if (text->size() > kConfigFileBytesMax) {
      return fail(ErrorCode::kValidationFailed, file_name + ": larger than 64 KiB");
    }
    auto parsed = parse_config_file(file_name, *text);
    if (!parsed) return std::unexpected(parsed.error());
    file = std::move(*parsed);
  }

  const Layers layers(std::move(line->values), environment, std::move(dotenv), std::move(file),
                      file_name);
  if (auto applied = apply(layers, config); !applied) return std::unexpected(applied.error());
  if (auto finished = finish(config); !finished) return std::unexpected(finished.error());
  return config;
}

std::string sample_config() {
  std::string text =
      "# Maru's configuration. Every key is also an option (--port) and a variable\n"
      "# (MARU_PORT); see `maru --help`. Lines here show the defaults.\n";
  for (const OptionRow& row : option_rows()) {
    text += "\n# " + row.help + "\n# " + row.name + " = \"" + row.default_text + "\"\n";
  }
  return text;
}

}  // namespace maru::app
