// The Origin rule (product.md, "Identity"; quality.md 1, rows 1 to 3): a present Origin must equal
// an allowed one or the server's own; absent is fine. In open mode without CLIENT_URL every origin
// is allowed and CORS answers `*` without credentials. Any thread.
//
// The server's own origin is known from Host (of a trusted proxy: X-Forwarded-Host) alone, so that
// a server reached as chat.example.org works without configuration, behind a proxy as well. One
// case is taken out of it: see may_be_rebound(). Origins are compared as normalise_origin() writes
// them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "gateway/options.hpp"
#include "net/http.hpp"

namespace maru::gateway {

// Whether the request has an Origin at all; an empty one is none.
[[nodiscard]] bool has_origin(const net::RequestHead& head);

// Whether a present Origin is the server's own or a listed one (CLIENT_URL). False when Origin is
// absent, or there more than once.
[[nodiscard]] bool is_trusted_origin(const net::RequestHead& head, const GatewayOptions& options);

// DNS rebinding: a foreign page's name is pointed at this machine, and what was meant for nobody
// but it is asked under that name. True for a connection straight over loopback (no proxy's fields)
// whose Host is no address and a name that is neither localhost nor the host of a listed origin.
[[nodiscard]] bool may_be_rebound(const net::RequestHead& head, const GatewayOptions& options);

class OriginPolicy {
 public:
  OriginPolicy(const GatewayOptions& options, const Clock& clock);

  // A refused origin is logged, where setting it can help with the words to set:
  // CLIENT_URL=<origin>.
  [[nodiscard]] bool allows(const net::RequestHead& head) const;
  // The fields to add to an answer; none for an absent, own or refused Origin (in accounts).
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> cors_fields(
      const net::RequestHead& head) const;

 private:
  void log_refused(const net::RequestHead& head) const;
  // Only news is written, and of one network a few a minute; the rest is counted.
  // Each origin is news once, and again after it was forgotten for others: the last ones are
  // remembered, and at most so many are news in a minute.
  [[nodiscard]] bool is_news(std::string_view origin) const;

  static constexpr std::size_t kLoggedOriginsMax = 64;
  const GatewayOptions& options_;
  const Clock& clock_;
  // 48 bits of the origin's hash, 16 of the minute in which it was logged; 0: free.
  mutable std::array<std::atomic<std::uint64_t>, kLoggedOriginsMax> logged_{};
};

}  // namespace maru::gateway
