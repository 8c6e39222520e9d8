// The Origin rule (product.md, "Identity"; quality.md 1, rows 1 to 3): a present Origin must equal
// an allowed one or the server's own; absent is fine. In open mode without CLIENT_URL every origin
// is allowed and CORS answers `*` without credentials. Immutable; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/options.hpp"
#include "net/http.hpp"

namespace maru::gateway {

class OriginPolicy {
 public:
  explicit OriginPolicy(const GatewayOptions& options);

  // A refused origin is logged once each (bounded) with the words to set: CLIENT_URL=<origin>.
  [[nodiscard]] bool allows(const net::RequestHead& head) const;
  // The fields to add to an answer; none for an absent, own or refused Origin (in accounts).
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> cors_fields(
      const net::RequestHead& head) const;

 private:
  const GatewayOptions& options_;
};

}  // namespace maru::gateway
