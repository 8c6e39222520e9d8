#include "app/config.hpp"

#include <cstdlib>
#include <utility>

#include "app/command_line.hpp"
#include "app/config_file.hpp"
#include "app/option_table.hpp"
#include "app/small_file.hpp"
#include "app/version.hpp"

namespace maru::app {
namespace {

struct Found {
  std::string value;
  std::string source;
};

// The layers in the order of precedence; the first that has a value wins. An empty value is as good
// as none, since shells and compose files leave such variables about; but not an empty argument.
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
      const auto value = environment_.variable(name);
      if (value && !value->empty()) return Found{*value, name};
    }
    if (auto it = dotenv_.find(original); it != dotenv_.end() && !it->second.empty()) {
      return Found{it->second, original + " in .env"};
    }
    if (auto it = file_.find(option); it != file_.end() && !it->second.empty()) {
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
    if (const auto rule = row.set(config, found->value)) {
      const std::string what = row.secret ? "its value" : "'" + found->value + "'";
      return fail(ErrorCode::kValidationFailed,
                  found->source + ": " + what + " is refused; it must be " + *rule);
    }
    config.sources[row.name] = {row.secret ? "***" : found->value, found->source};
  }
  return {};
}

Result<Values> load_config_file(const Environment& environment, const Found& named) {
  const auto text = environment.read_file(named.value);
  if (!text) {
    return fail(ErrorCode::kValidationFailed, named.source + ": " + text.error().detail);
  }
  if (!*text) {
    return fail(ErrorCode::kValidationFailed,
                named.source + ": there is no file '" + named.value + "'");
  }
  return parse_config_file(named.value, **text);
}

Result<void> finish(Config& config) {
  if (config.tls_cert.empty() != config.tls_key.empty()) {
    return fail(ErrorCode::kValidationFailed,
                "--tls-cert and --tls-key go together; one of them is missing");
  }
  config.gateway.own_tls = !config.tls_cert.empty();
  config.gateway.recovery_default =
      config.recovery.value_or(config.gateway.auth == gateway::AuthMode::kOpen);
  config.gateway.version = version();
  return {};
}

}  // namespace

Environment process_environment() {
  return {
      [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value ? std::optional<std::string>(value) : std::nullopt;
      },
      [](const std::string& path) { return read_small_file(path, Writers::kAnybody); },
      [](const std::string& path) { return read_small_file(path, Writers::kOwnerOnly); },
  };
}

Result<Config> load_config(const std::vector<std::string>& arguments,
                           const Environment& environment) {
  auto line = parse_command_line(arguments);
  if (!line) return std::unexpected(line.error());
  Config config;
  config.verb = line->verb;
  config.help_text = std::move(line->help_text);
  if (config.verb == Verb::kHelp || config.verb == Verb::kVersion || config.verb == Verb::kConfig) {
    return config;
  }

  const auto dotenv_text = environment.read_own_file(".env");
  if (!dotenv_text) return std::unexpected(dotenv_text.error());
  Values dotenv = parse_dotenv(dotenv_text->value_or(""));

  for (const OptionRow& row : option_rows()) {
    if (dotenv.contains(variable_of(row.name))) {
      config.ignored_in_dotenv.push_back(variable_of(row.name));
    }
  }

  Values file;
  std::string file_name;
  const Layers without_file(line->values, environment, dotenv, {}, "");
  if (const auto found = without_file.find("config", "")) {
    file_name = found->value;
    config.sources["config"] = {found->value, found->source};
    auto loaded = load_config_file(environment, *found);
    if (!loaded) return std::unexpected(loaded.error());
    file = std::move(*loaded);
  }

  const Layers layers(std::move(line->values), environment, std::move(dotenv), std::move(file),
                      file_name);
  if (auto applied = apply(layers, config); !applied) return std::unexpected(applied.error());
  if (auto finished = finish(config); !finished) return std::unexpected(finished.error());
  return config;
}

std::string sample_config() {
  std::string text =
      "# Maru's configuration (TOML), as `maru config` prints it. Every key is also an option\n"
      "# (--port) and a variable (MARU_PORT). The lines show the defaults; take the # away to\n"
      "# change one. What counts, the first that is set: option, MARU_ variable, the original\n"
      "# program's variable, that one in .env of the working directory, this file.\n";
  for (const OptionRow& row : option_rows()) {
    const bool bare = row.kind == ValueKind::kNumber;
    std::string names = "--" + row.name + " " + row.value + ", " + variable_of(row.name);
    if (!row.original_name.empty()) names += ", " + row.original_name;
    text += "\n# " + names + "\n# " + row.help + "\n#" + row.name + " = ";
    text += bare ? row.default_text : "\"" + row.default_text + "\"";
    text += "\n";
  }
  return text;
}

}  // namespace maru::app
