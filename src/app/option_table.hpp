// One row per option: its names, its help and how a value is read. Start-up only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.hpp"

namespace maru::app {

enum class ValueKind : std::uint8_t {
  kText,
  kNumber,
  kList
};  // in the TOML file; a list may be one

struct OptionRow {
  std::string name;           // "port": --port, MARU_PORT, key `port`
  std::string original_name;  // the original program's variable, or empty
  std::string value;          // how --help shows the value: "PORT"
  std::string default_text;
  std::string help;
  // Nothing when the value is fine; else what it must be ("a number from 0 to 65535").
  std::function<std::optional<std::string>(Config&, const std::string& value)> set;
  ValueKind kind = ValueKind::kText;
  bool secret = false;  // the value is never shown: it may hold a password
};

const std::vector<OptionRow>& option_rows();

// "port" → "MARU_PORT"
std::string variable_of(std::string_view option_name);

}  // namespace maru::app
