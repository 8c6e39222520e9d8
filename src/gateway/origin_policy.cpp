#include "gateway/origin_policy.hpp"

#include <algorithm>
#include <functional>

#include "base/log.hpp"

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

bool allows_every_origin(const GatewayOptions& options) {
  return options.auth == AuthMode::kOpen && options.allowed_origins.empty();
}

}  // namespace

bool is_trusted_origin(const net::RequestHead& head, const GatewayOptions& options) {
  const std::string_view origin = head.field("origin");
  if (origin.empty()) return false;
  return std::ranges::find(options.allowed_origins, origin) != options.allowed_origins.end() ||
         origin == own_origin(head);
}

OriginPolicy::OriginPolicy(const GatewayOptions& options) : options_(options) {}

bool OriginPolicy::allows(const net::RequestHead& head) const {
  const std::string_view origin = head.field("origin");
  if (origin.empty() || allows_every_origin(options_)) return true;
  // A second Origin field is no browser's: which one counts would be anybody's guess.
  const bool is_single = std::ranges::count_if(head.fields, [](const auto& field) {
                           return field.first == "origin";
                         }) == 1;
  if (is_single && is_trusted_origin(head, options_)) return true;
  log_refused_once(origin);
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

void OriginPolicy::log_refused_once(std::string_view origin) const {
  const std::uint64_t hash = std::hash<std::string_view>()(origin) | 1;  // 0 means free
  for (auto& slot : logged_) {
    std::uint64_t seen = slot.load(std::memory_order_relaxed);
    if (seen == 0 && slot.compare_exchange_strong(seen, hash, std::memory_order_relaxed)) {
      log::audit("audit_origin_refused",
                 {{"origin", origin}, {"hint", "to allow it: CLIENT_URL=" + std::string(origin)}});
      return;
    }
    if (seen == hash) return;
  }
}

}  // namespace maru::gateway
