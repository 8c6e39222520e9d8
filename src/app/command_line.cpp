#include "app/command_line.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "app/option_table.hpp"
#include "app/version.hpp"

namespace maru::app {
namespace {

struct VerbRow {
  Verb verb;
  const char* name;
  const char* help;
};

constexpr VerbRow kVerbs[] = {
    {Verb::kServe, "serve", "Run the server (what happens without a verb)"},
    {Verb::kCheck, "check", "Check a stopped server's data directory; 1: a finding, 2: in use"},
    {Verb::kNewEpoch, "new-epoch", "After a restore: make every client start anew; 2: in use"},
    {Verb::kConfig, "config", "Print a configuration file with every option and its default"},
    {Verb::kVersion, "version", "Print the version"},
};

constexpr const char* kFooter =
    "Exit codes: 0 done; 1 could not start, or a finding; 2 the data directory is in use;\n"
    "64 wrong arguments or configuration; 70 the disk failed and the server stopped itself.";

std::string help_of(const OptionRow& row) {
  std::string help = row.help;
  if (!row.default_text.empty()) help += " [" + row.default_text + "]";
  help += "  (" + variable_of(row.name);
  if (!row.original_name.empty()) help += ", " + row.original_name;
  return help + ")";
}

// CLI11 takes the next argument for the value of `--host=`, whose value is the empty text.
std::vector<std::string> split_empty_values(const std::vector<std::string>& arguments) {
  std::vector<std::string> split;
  for (const std::string& argument : arguments) {
    if (argument.starts_with("--") && argument.find('=') + 1 == argument.size()) {
      split.push_back(argument.substr(0, argument.size() - 1));
      split.emplace_back();
    } else {
      split.push_back(argument);
    }
  }
  return split;
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments) {
  CLI::App program("Maru, a chat server in one binary.", "maru");
  program.require_subcommand(0, 1);
  program.set_version_flag("--version", "maru " + std::string(version_with_commit()));
  program.footer(kFooter);

  CommandLine line;
  const auto add = [&](const OptionRow& row) {
    program.add_option("--" + row.name, line.values[row.name], help_of(row))
        ->option_text(row.value);
  };
  for (const OptionRow& row : option_rows()) add(row);
  add({"config", "", "FILE", "", "configuration file (TOML); every option is a key of it", {}});
  for (const VerbRow& row : kVerbs) program.add_subcommand(row.name, row.help)->fallthrough();

  std::vector<std::string> reversed = split_empty_values(arguments);
  std::ranges::reverse(reversed);
  try {
    program.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    line.verb = Verb::kHelp;
    // Not program.help(): after a verb that is the verb's own, which has no options.
    line.help_text =
        program.get_formatter()->make_help(&program, "maru", CLI::AppFormatMode::Normal);
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
  for (const VerbRow& row : kVerbs) {
    if (program.get_subcommand(row.name)->parsed()) line.verb = row.verb;
  }
  return line;
}

}  // namespace maru::app
