// The id of an Engine.IO session: the I/O thread that owns it and 128 random bits, base64url. It is
// a secret of the client's (CVE-2017-16031); the thread in front lets any other find the owner.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace maru::endpoint {

using SessionSecret = std::array<std::uint8_t, 16>;

struct Sid {
  std::uint16_t thread = 0;
  SessionSecret secret{};

  bool operator==(const Sid&) const = default;
};

inline constexpr std::size_t kSidSize = 24;  // characters

std::string format_sid(const Sid& sid);
std::optional<Sid> parse_sid(std::string_view text);

}  // namespace maru::endpoint
