// IP addresses, CIDR blocks, and whose word counts about a client's address (quality.md 1, row 27).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"

struct sockaddr_storage;

namespace maru::net {

// IPv6; an IPv4 address is kept as ::ffff:a.b.c.d. A value.
struct Address {
  std::array<std::uint8_t, 16> bytes{};

  static Address from(const sockaddr_storage& peer);
  // A numeric address, also "[::1]", "[::1]:80" and "1.2.3.4:80", as proxies write it.
  static std::optional<Address> parse(std::string_view text);

  [[nodiscard]] std::string to_text() const;
  [[nodiscard]] bool is_loopback() const;
  auto operator<=>(const Address&) const = default;
};

// What limits per client count by: an IPv4 address (a v4-mapped one too) as it is, an IPv6 address
// by its first 64 bits, for whoever has one has all of those. Wider ones: who rents a line or a
// server often has all of a /56 or a /48. `bits` is a multiple of 8.
[[nodiscard]] Address limit_prefix(const Address& address, unsigned bits = 64);
[[nodiscard]] bool is_ipv4(const Address& address);

struct AddressHash {
  std::size_t operator()(const Address& address) const noexcept;
};

// What became of a request's X-Forwarded-For.
enum class Forwarding : std::uint8_t {
  kSettled,  // there was none, or it counts
  kIgnored,  // there is one, but nobody has called this peer a proxy
};

class TrustedProxies {
 public:
  // Addresses or CIDR blocks; what cannot be read is left out (it trusts nobody).
  explicit TrustedProxies(const std::vector<std::string>& blocks);
  // Whether `text` can be read: the configuration refuses what cannot.
  [[nodiscard]] static bool is_block(std::string_view text) {
    return parse_block(text).has_value();
  }

  [[nodiscard]] bool contains(const Address& address) const;
  // Loopback and proxies speak for many: limits per client's address do not hold for them.
  [[nodiscard]] bool is_exempt(const Address& address) const {
    return address.is_loopback() || contains(address);
  }

  // Fills peer_address, forwarded_host, from_loopback, exempt_from_address_limits,
  // has_forwarding_header and secure. From a trusted peer, the client is the right-most address in
  // X-Forwarded-For that is not itself trusted; of the lists X-Forwarded-Proto and X-Forwarded-Host
  // the item of the proxy that saw this client counts.
  [[nodiscard]] Forwarding describe(const Address& peer, bool own_tls, RequestHead& head) const;

 private:
  struct Block {
    Address address;
    unsigned prefix_bits = 128;
  };
  static std::optional<Block> parse_block(std::string_view text);
  // Reads the fields of a trusted peer into `head`; answers who the client is.
  Address believe(const Address& peer, RequestHead& head) const;

  std::vector<Block> blocks_;
};

}  // namespace maru::net
