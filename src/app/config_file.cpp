#include "app/config_file.hpp"

#include <toml++/toml.h>
#include <algorithm>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "app/option_table.hpp"

namespace maru::app {
namespace {

std::string dotenv_value(std::string value) {
  value.erase(0, value.find_first_not_of(" \t"));
  const char quote = value.empty() ? '\0' : value[0];
  if (quote == '"' || quote == '\'') {
    const std::size_t end = value.find(quote, 1);
    return value.substr(1, end == std::string::npos ? std::string::npos : end - 1);
  }
  if (const std::size_t comment = value.find(" #"); comment != std::string::npos) {
    value.resize(comment);
  }
  value.erase(value.find_last_not_of(" \t") + 1);
  return value;
}

const OptionRow* find_row(std::string_view name) {
  const auto& rows = option_rows();
  const auto it = std::ranges::find(rows, name, &OptionRow::name);
  return it == rows.end() ? nullptr : &*it;
}

// Nothing: not a list of strings.
std::optional<std::string> join(const toml::array& list) {
  std::string joined;
  for (const toml::node& element : list) {
    const toml::value<std::string>* text = element.as_string();
    if (text == nullptr) return std::nullopt;
    joined += (joined.empty() ? "" : ",") + text->get();
  }
  return joined;
}

std::optional<std::string> value_text(const toml::node& node, const OptionRow& row) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* boolean = node.as_boolean()) return boolean->get() ? "true" : "false";
  if (const auto* list = node.as_array(); list != nullptr && row.kind == ValueKind::kList) {
    return join(*list);
  }
  return std::nullopt;
}

}  // namespace

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
    key.erase(key.find_last_not_of(" \t") + 1);
    values[key] = dotenv_value(line.substr(equals + 1));
  }
  return values;
}

Result<Values> parse_config_file(const std::string& path, const std::string& text) {
  const auto refuse = [&](const toml::source_region& where, const std::string& why) {
    return fail(ErrorCode::kValidationFailed,
                path + ", line " + std::to_string(where.begin.line) + ": " + why);
  };
  Values values;
  try {
    for (auto&& [key, node] : toml::parse(text, path)) {
      const std::string name(key.str());
      if (node.is_table() || node.is_array_of_tables()) {
        return refuse(key.source(), "[" + name + "]: this file has no tables, only options");
      }
      const OptionRow* row = find_row(name);
      if (row == nullptr) return refuse(key.source(), "unknown key '" + name + "'");
      auto value = value_text(node, *row);
      if (!value) {
        return refuse(node.source(),
                      "'" + name +
                          "' must be a string, a whole number, true or "
                          "false" +
                          (row->kind == ValueKind::kList ? ", or a list of strings" : ""));
      }
      values.emplace(name, std::move(*value));
    }
  } catch (const toml::parse_error& error) {
    return refuse(error.source(), std::string(error.description()));
  }
  return values;
}

}  // namespace maru::app
