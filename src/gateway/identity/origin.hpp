// Web origins as text (RFC 6454, section 6.2). Pure; any thread.
//
// normalise_origin() is the one reader of all of them: of the list of allowed ones, of a request's
// Origin, and, with a scheme before it, of its Host. So two of them are the same origin exactly if
// the answers are equal.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace maru::gateway {

// "scheme://host[:port]" as browsers write it: in lower case, without the default port of http and
// https. "ws" and "wss" are those two: native WebSocket clients name the scheme of their URL. A
// final slash is forgiven. Apps have schemes of their own (capacitor://localhost). Nothing for what
// is no origin, "null" among it.
[[nodiscard]] std::optional<std::string> normalise_origin(std::string_view text);

// Of a normalised origin: without scheme and port, an IPv6 address with its brackets.
[[nodiscard]] std::string_view host_of_origin(std::string_view origin);

}  // namespace maru::gateway
