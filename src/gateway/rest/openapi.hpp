// The OpenAPI 3.1 document of the REST calls: rest/openapi.json, part of the program.
#pragma once

#include <string_view>

namespace maru::gateway::rest {
std::string_view openapi_document();
}  // namespace maru::gateway::rest
