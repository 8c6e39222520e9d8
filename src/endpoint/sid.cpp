#include "endpoint/sid.hpp"

#include <algorithm>

#include "engineio/base64.hpp"

namespace maru::endpoint {
namespace {

constexpr std::size_t kSidBytes = sizeof(std::uint16_t) + sizeof(SessionSecret);
static_assert(kSidBytes % 3 == 0 && kSidBytes / 3 * 4 == kSidSize);

}  // namespace

std::string format_sid(const Sid& sid) {
  std::string bytes;
  bytes.push_back(static_cast<char>(sid.thread >> 8));
  bytes.push_back(static_cast<char>(sid.thread));
  bytes.append(sid.secret.begin(), sid.secret.end());
  std::string text;
  engineio::append_base64url(text, bytes);
  return text;
}

std::optional<Sid> parse_sid(std::string_view text) {
  std::array<std::uint8_t, kSidBytes> bytes;
  if (!engineio::decode_base64url(text, bytes.data(), bytes.size())) return std::nullopt;
  Sid sid;
  sid.thread = static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
  std::copy(bytes.begin() + 2, bytes.end(), sid.secret.begin());
  return sid;
}

}  // namespace maru::endpoint
