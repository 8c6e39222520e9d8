// The Origin rule (product.md, "Identity"; quality.md 1, rows 1 to 3): a present Origin must equal
// an allowed one or the server's own; absent is fine. In open mode without CLIENT_URL every origin
// is allowed and CORS answers `*` without credentials. Immutable; any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/options.hpp"
#include "net/http.hpp"

namespace maru::gateway {

// Whether a present Origin is the server's own or a listed one (CLIENT_URL); byte for byte, so that
// case variants, suffixes and other ports are strangers. False when Origin is absent.
[[nodiscard]] bool is_trusted_origin(const net::RequestHead& head, const GatewayOptions& options);

class OriginPolicy {
 public:
  explicit OriginPolicy(const GatewayOptions& options);

  // A refused origin is logged once each (bounded) with the words to set: CLIENT_URL=<origin>.
  [[nodiscard]] bool allows(const net::RequestHead& head) const;
  // The fields to add to an answer; none for an absent, own or refused Origin (in accounts).
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> cors_fields(
      const net::RequestHead& head) const;

 private:
  void log_refused_once(std::string_view origin) const;

  static constexpr std::size_t kLoggedOriginsMax = 64;  // past it refusals are not logged
  const GatewayOptions& options_;
  mutable std::array<std::atomic<std::uint64_t>, kLoggedOriginsMax> logged_{};  // hashes; 0: free
};

}  // namespace maru::gateway
