#include "gateway/origin.hpp"

#include <algorithm>

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

bool is_host(std::string_view text) {
  if (text.starts_with('[')) {
    if (text.size() < 4 || !text.ends_with(']')) return false;
    return std::ranges::all_of(text.substr(1, text.size() - 2), [](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
    });
  }
  // Other letters than these never stand in an Origin field: browsers send the xn-- form.
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
  });
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && std::ranges::all_of(text, is_digit);
}

}  // namespace

std::optional<std::string> normalise_origin(std::string_view text) {
  if (text.ends_with('/') && !text.ends_with("//")) text.remove_suffix(1);
  std::string origin(text);
  for (char& c : origin) c = (c >= 'A' && c <= 'Z') ? static_cast<char>(c + 32) : c;
  const std::size_t scheme_size = origin.find(kSchemeEnd);
  if (scheme_size == std::string::npos) return std::nullopt;
  const std::string_view whole = origin;
  const std::string_view scheme = whole.substr(0, scheme_size);
  const std::string_view authority = whole.substr(scheme_size + kSchemeEnd.size());
  const std::string_view host = without_port(authority);
  if (!is_scheme(scheme) || !is_host(host)) return std::nullopt;
  if (host.size() == authority.size()) return origin;
  const std::string_view port = authority.substr(host.size() + 1);
  if (!is_port(port)) return std::nullopt;
  const bool is_default =
      (scheme == "http" && port == "80") || (scheme == "https" && port == "443");
  if (is_default) origin.resize(origin.size() - port.size() - 1);
  return origin;
}

std::string_view host_of_origin(std::string_view origin) {
  const std::size_t scheme_size = origin.find(kSchemeEnd);
  if (scheme_size == std::string_view::npos) return {};
  return without_port(origin.substr(scheme_size + kSchemeEnd.size()));
}

std::string_view without_port(std::string_view host) {
  const std::size_t bracket = host.find(']');
  const std::size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return host.substr(0, colon);
}

}  // namespace maru::gateway
