#include "gateway/identity/origin.hpp"

#include <algorithm>
#include <cstdint>

#include "base/ascii.hpp"
#include "net/address.hpp"

namespace maru::gateway {
namespace {

constexpr std::string_view kSchemeEnd = "://";

bool is_letter(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_scheme(std::string_view text) {
  return !text.empty() && is_letter(text.front()) && std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

// Other letters than these never stand in an Origin field: browsers send the xn-- form.
bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
  });
}

bool is_host(std::string_view text) {
  if (!text.starts_with('[')) return is_name(text);
  return text.ends_with(']') && net::Address::parse(text);
}

// Written as browsers do, without leading zeros.
std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto port = parse_decimal<std::uint16_t>(text);
  return port && *port != 0 && text.front() != '0' ? port : std::nullopt;
}

bool is_default_port(std::string_view scheme, std::uint16_t port) {
  return (scheme == "http" && port == 80) || (scheme == "https" && port == 443);
}

struct Authority {
  std::string_view host;
  std::optional<std::string_view> port;
};

// At the colon after the host: those of an IPv6 address stand in brackets.
Authority split(std::string_view authority) {
  const std::size_t bracket = authority.find(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon == std::string_view::npos) return {authority, std::nullopt};
  return {authority.substr(0, colon), authority.substr(colon + 1)};
}

}  // namespace

std::optional<std::string> normalise_origin(std::string_view text) {
  if (text.ends_with('/') && !text.ends_with("//")) text.remove_suffix(1);
  std::string lower(text);
  for (char& c : lower) c = to_lower(c);
  const std::size_t scheme_size = lower.find(kSchemeEnd);
  if (scheme_size == std::string::npos) return std::nullopt;
  std::string_view scheme = std::string_view(lower).substr(0, scheme_size);
  if (!is_scheme(scheme)) return std::nullopt;
  if (scheme == "ws") scheme = "http";
  if (scheme == "wss") scheme = "https";
  const Authority authority =
      split(std::string_view(lower).substr(scheme_size + kSchemeEnd.size()));
  if (!is_host(authority.host)) return std::nullopt;
  std::string origin = std::string(scheme).append(kSchemeEnd).append(authority.host);
  if (!authority.port) return origin;
  const auto port = parse_port(*authority.port);
  if (!port) return std::nullopt;
  if (!is_default_port(scheme, *port)) origin.append(1, ':').append(*authority.port);
  return origin;
}

std::string_view host_of_origin(std::string_view origin) {
  const std::size_t scheme_size = origin.find(kSchemeEnd);
  if (scheme_size == std::string_view::npos) return {};
  return split(origin.substr(scheme_size + kSchemeEnd.size())).host;
}

}  // namespace maru::gateway
