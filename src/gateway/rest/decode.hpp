// Typed reading of paths and queries; of JSON bodies see gateway/fields.hpp. Errors are
// kValidationFailed with the field's name. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "gateway/fields.hpp"
#include "gateway/rest/call.hpp"

namespace maru::gateway::rest {

// A decimal integer of the query, of any length, clamped to min … max; `otherwise` when absent or
// empty.
Result<std::int64_t> query_integer(const Call& call, std::string_view name, std::int64_t min,
                                   std::int64_t max, std::int64_t otherwise);
Result<std::optional<std::int64_t>> optional_query_integer(const Call& call, std::string_view name,
                                                           std::int64_t min, std::int64_t max);

}  // namespace maru::gateway::rest
