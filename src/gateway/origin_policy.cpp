#include "gateway/origin_policy.hpp"

#include <algorithm>
#include <functional>

#include "base/log.hpp"
#include "gateway/origin.hpp"
#include "net/address.hpp"

namespace maru::gateway {
namespace {

// "scheme://host[:port]" of the server as this client reached it, without a default port, as
// browsers write origins (RFC 6454 section 6.2).
std::string own_origin(const net::RequestHead& head) {
  std::string_view host = head.field("host");
  if (host.empty()) return {};
  const std::string_view default_port = head.secure ? ":443" : ":80";
  if (host.ends_with(default_port)) host.remove_suffix(default_port.size());
  return std::string(head.secure ? "https://" : "http://").append(host);
}

// Names that browsers take to this machine without asking anybody (RFC 6761, section 6.3).
bool is_localhost(std::string_view name) {
  constexpr std::string_view kLocalhost = "localhost";
  if (!name.ends_with(kLocalhost)) return false;
  name.remove_suffix(kLocalhost.size());
  return name.empty() || name.ends_with('.');
}

bool allows_every_origin(const GatewayOptions& options) {
  return options.auth == AuthMode::kOpen && options.allowed_origins.empty();
}

}  // namespace

bool is_trusted_origin(const net::RequestHead& head, const GatewayOptions& options) {
  const std::string_view origin = head.field("origin");
  if (origin.empty()) return false;
  return std::ranges::find(options.allowed_origins, origin) != options.allowed_origins.end() ||
         (origin == own_origin(head) && !may_be_rebound(head, options));
}

bool may_be_rebound(const net::RequestHead& head, const GatewayOptions& options) {
  if (!head.from_loopback || head.has_forwarding_header) return false;
  std::string host(without_port(head.field("host")));
  for (char& c : host) c = (c >= 'A' && c <= 'Z') ? static_cast<char>(c + 32) : c;
  if (is_localhost(host) || net::Address::parse(host)) return false;
  return std::ranges::none_of(options.allowed_origins, [&](const std::string& origin) {
    return host_of_origin(origin) == host;
  });
}

OriginPolicy::OriginPolicy(const GatewayOptions& options, const Clock& clock)
    : options_(options), clock_(clock) {}

bool OriginPolicy::allows(const net::RequestHead& head) const {
  const std::string_view origin = head.field("origin");
  if (origin.empty() || allows_every_origin(options_)) return true;
  // A second Origin field is no browser's: which one counts would be anybody's guess.
  const bool is_single = std::ranges::count_if(head.fields, [](const auto& field) {
                           return field.first == "origin";
                         }) == 1;
  if (is_single && is_trusted_origin(head, options_)) return true;
  log_refused(head);
  return false;
}

std::vector<std::pair<std::string, std::string>> OriginPolicy::cors_fields(
    const net::RequestHead& head) const {
  const std::string_view origin = head.field("origin");
  if (allows_every_origin(options_)) return {{"Access-Control-Allow-Origin", "*"}};
  std::vector<std::pair<std::string, std::string>> fields;
  // The answer depends on Origin as soon as one is listed; caches must know, whoever asks.
  if (!options_.allowed_origins.empty()) fields.emplace_back("Vary", "Origin");
  if (std::ranges::find(options_.allowed_origins, origin) == options_.allowed_origins.end()) {
    return fields;
  }
  fields.emplace_back("Access-Control-Allow-Origin", origin);
  fields.emplace_back("Access-Control-Allow-Credentials", "true");
  return fields;
}

void OriginPolicy::log_refused(const net::RequestHead& head) const {
  constexpr std::size_t kLoggedBytesMax = 256;
  const std::string_view origin = head.field("origin");
  if (!is_news(origin)) return;
  const std::string_view shown = origin.substr(0, kLoggedBytesMax);
  // No hint for what the setting could not hold, or would hold in another form.
  if (shown == origin && normalise_origin(origin) == origin) {
    log::audit("audit_origin_refused", {{"origin", shown},
                                        {"ip", head.peer_address},
                                        {"hint", "to allow it: CLIENT_URL=" + std::string(shown)}});
  } else {
    log::audit("audit_origin_refused", {{"origin", shown}, {"ip", head.peer_address}});
  }
}

bool OriginPolicy::is_news(std::string_view origin) const {
  constexpr std::uint64_t kMinuteMask = 0xffff;
  constexpr int kAttemptsMax = 4;  // when threads race for a slot, not to log is the kinder error
  const std::uint64_t tag =
      (std::hash<std::string_view>()(origin) & ~kMinuteMask) | (kMinuteMask + 1);
  const std::uint64_t minute =
      static_cast<std::uint64_t>(clock_.monotonic().ms / 60'000) & kMinuteMask;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    std::atomic<std::uint64_t>* oldest = nullptr;
    std::uint64_t oldest_word = 0;
    std::uint64_t oldest_age = 0;
    for (auto& slot : logged_) {
      const std::uint64_t word = slot.load(std::memory_order_relaxed);
      if ((word & ~kMinuteMask) == tag) return false;
      // A free slot is older than every other.
      const std::uint64_t age = word == 0 ? kMinuteMask + 1 : (minute - word) & kMinuteMask;
      if (age > oldest_age) {
        oldest = &slot;
        oldest_word = word;
        oldest_age = age;
      }
    }
    if (oldest == nullptr) return false;  // all were taken within this minute
    if (oldest->compare_exchange_strong(oldest_word, tag | minute, std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

}  // namespace maru::gateway
