// The bearer token of /metrics out of its file (--metrics-token-file). Start-up only; blocks.
#pragma once

#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/id.hpp"

namespace maru::app {

// Its digest; nothing if no file is named. The text counts without the white space around it, 16 to
// 512 visible ASCII characters. The error is one sentence for the operator, without the text.
Result<std::optional<TokenHash>> load_metrics_token(const std::string& path);

}  // namespace maru::app
