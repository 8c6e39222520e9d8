// Web origins as text (RFC 6454, section 6.2). Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace maru::gateway {

// "scheme://host[:port]" in lower case, without the default port of http and https, as browsers
// write it; a final slash is forgiven. Apps have schemes of their own (capacitor://localhost).
// Nothing for what is no origin, "null" among it.
[[nodiscard]] std::optional<std::string> normalise_origin(std::string_view text);

// Without scheme and port, an IPv6 address with its brackets.
[[nodiscard]] std::string_view host_of_origin(std::string_view origin);
// The same of a Host field.
[[nodiscard]] std::string_view without_port(std::string_view host);

}  // namespace maru::gateway
