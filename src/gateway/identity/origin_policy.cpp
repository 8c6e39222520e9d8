#include "gateway/identity/origin_policy.hpp"

#include <algorithm>
#include <functional>
#include <optional>

#include "base/log.hpp"
#include "gateway/identity/origin.hpp"
#include "gateway/limits/rate_limiter.hpp"
#include "net/address.hpp"

namespace maru::gateway {
namespace {

// Of the server as this client reached it; nothing when the Host is no name or address.
std::optional<std::string> own_origin(const net::RequestHead& head) {
  return normalise_origin(
      std::string(head.secure ? "https://" : "http://").append(head.own_host()));
}

// A second Origin field is no browser's: which one counts would be anybody's guess.
std::optional<std::string> origin_of(const net::RequestHead& head) {
  const auto is_origin = [](const auto& field) { return field.first == "origin"; };
  if (std::ranges::count_if(head.fields, is_origin) != 1) return std::nullopt;
  return normalise_origin(head.field("origin"));
}

bool is_listed(const std::string& origin, const GatewayOptions& options) {
  return std::ranges::find(options.allowed_origins, origin) != options.allowed_origins.end();
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

bool has_origin(const net::RequestHead& head) {
  return std::ranges::any_of(head.fields, [](const auto& field) {
    return field.first == "origin" && !field.second.empty();
  });
}

bool is_trusted_origin(const net::RequestHead& head, const GatewayOptions& options) {
  const auto origin = origin_of(head);
  if (!origin) return false;
  return is_listed(*origin, options) ||
         (origin == own_origin(head) && !may_be_rebound(head, options));
}

bool may_be_rebound(const net::RequestHead& head, const GatewayOptions& options) {
  if (!head.from_loopback || head.has_forwarding_header) return false;
  const auto own = own_origin(head);
  if (!own) return true;
  const std::string_view host = host_of_origin(*own);
  if (is_localhost(host) || net::Address::parse(host)) return false;
  return std::ranges::none_of(options.allowed_origins, [&](const std::string& origin) {
    return host_of_origin(origin) == host;
  });
}

OriginPolicy::OriginPolicy(const GatewayOptions& options, const Clock& clock)
    : options_(options), clock_(clock) {}

bool OriginPolicy::allows(const net::RequestHead& head) const {
  if (!has_origin(head) || allows_every_origin(options_)) return true;
  if (is_trusted_origin(head, options_)) return true;
  log_refused(head);
  return false;
}

std::vector<std::pair<std::string, std::string>> OriginPolicy::cors_fields(
    const net::RequestHead& head) const {
  if (allows_every_origin(options_)) return {{"Access-Control-Allow-Origin", "*"}};
  std::vector<std::pair<std::string, std::string>> fields;
  // The answer depends on Origin as soon as one is listed; caches must know, whoever asks.
  if (!options_.allowed_origins.empty()) fields.emplace_back("Vary", "Origin");
  const auto origin = origin_of(head);
  if (!origin || !is_listed(*origin, options_)) return fields;
  // As it was sent: that is what browsers compare it with.
  fields.emplace_back("Access-Control-Allow-Origin", head.field("origin"));
  fields.emplace_back("Access-Control-Allow-Credentials", "true");
  return fields;
}

void OriginPolicy::log_refused(const net::RequestHead& head) const {
  constexpr std::size_t kLoggedBytesMax = 256;
  const std::string_view origin = head.field("origin");
  constexpr unsigned kInFull = 3;
  const log::Repeated repeated{
      {"origin", ""}, {"network", network_of(head.peer_address)}, is_news(origin) ? kInFull : 0};
  const std::string_view shown = origin.substr(0, kLoggedBytesMax);
  // No hint for what the setting could not hold, or would hold in another form.
  if (shown == origin && normalise_origin(origin) == origin) {
    log::audit_repeated("audit_origin_refused", repeated,
                        {{"origin", shown},
                         {"ip", head.peer_address},
                         {"hint", "to allow it: CLIENT_URL=" + std::string(shown)}});
  } else {
    log::audit_repeated("audit_origin_refused", repeated,
                        {{"origin", shown}, {"ip", head.peer_address}});
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
