// The fields that are the same for every answer of this server, /socket.io/ included (quality.md 1,
// rows 15 and 27). Pure; any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "net/http.hpp"

namespace maru::gateway {

inline void add_security_fields(std::vector<std::pair<std::string, std::string>>& fields,
                                const net::RequestHead& head) {
  fields.emplace_back("X-Content-Type-Options", "nosniff");
  fields.emplace_back("Referrer-Policy", "no-referrer");
  if (head.secure) fields.emplace_back("Strict-Transport-Security", "max-age=31536000");
}

}  // namespace maru::gateway
