#include "net/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/ascii.hpp"
#include "net/header_scan.hpp"

namespace maru::net {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

std::optional<Address> parse_plain(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (text.empty() || text.size() >= buffer.size()) return std::nullopt;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  std::memcpy(buffer.data(), text.data(), text.size());
  Address address;
  if (::inet_pton(AF_INET6, buffer.data(), address.bytes.data()) == 1) return address;
  std::copy(kMapped.begin(), kMapped.end(), address.bytes.begin());
  if (::inet_pton(AF_INET, buffer.data(), address.bytes.data() + 12) == 1) return address;
  return std::nullopt;
}

bool is_forwarding_field(std::string_view name) {
  return name.starts_with("x-forwarded-") || name == "forwarded" || name == "x-real-ip" ||
         name == "via" || name == "cf-connecting-ip" || name == "true-client-ip";
}

// ":80"
bool is_port(std::string_view text) {
  return text.starts_with(':') && parse_decimal<std::uint16_t>(text.substr(1));
}

std::string_view last_item(std::string_view list) {
  const std::size_t comma = list.rfind(',');
  return trim(comma == std::string_view::npos ? list : list.substr(comma + 1));
}

// The fields of that name as one list, in order.
std::string joined_list(const RequestHead& head, std::string_view name) {
  std::string list;
  for (const auto& [field, value] : head.fields) {
    if (field != name) continue;
    if (!list.empty()) list += ',';
    list += value;
  }
  return list;
}

// Of the hop-th item from the right, counted from 1; where the list is shorter, its first one: a
// proxy passed on what it was told instead of adding its own. Empty if there is no list.
std::string item_of_hop(const RequestHead& head, std::string_view name, std::size_t hop) {
  const std::string whole = joined_list(head, name);
  std::string_view list = whole;
  for (; hop > 1; --hop) {
    const std::size_t comma = list.rfind(',');
    if (comma == std::string_view::npos) break;
    list = list.substr(0, comma);
  }
  return std::string(last_item(list));
}

}  // namespace

Address Address::from(const sockaddr_storage& peer) {
  Address address;
  if (peer.ss_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(peer);
    std::memcpy(address.bytes.data(), &six.sin6_addr, 16);
  } else if (peer.ss_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(peer);
    std::copy(kMapped.begin(), kMapped.end(), address.bytes.begin());
    std::memcpy(address.bytes.data() + 12, &four.sin_addr, 4);
  }
  return address;
}

std::optional<Address> Address::parse(std::string_view text) {
  text = trim(text);
  const bool is_bracketed = text.starts_with('[');
  const std::size_t end = text.find(is_bracketed ? ']' : ':');
  // More than one colon without brackets: an IPv6 address, which then has no port.
  if (!is_bracketed && (end == std::string_view::npos || end != text.rfind(':'))) {
    return parse_plain(text);
  }
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view rest = text.substr(is_bracketed ? end + 1 : end);
  if (!rest.empty() && !is_port(rest)) return std::nullopt;
  const std::string_view address = is_bracketed ? text.substr(1, end - 1) : text.substr(0, end);
  // Only IPv6 addresses stand in brackets, and there must be some.
  const bool has_colon = address.find(':') != std::string_view::npos;
  return is_bracketed == has_colon ? parse_plain(address) : std::nullopt;
}

std::string Address::to_text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (is_ipv4(*this)) {
    ::inet_ntop(AF_INET, bytes.data() + 12, buffer.data(), buffer.size());
  } else {
    ::inet_ntop(AF_INET6, bytes.data(), buffer.data(), buffer.size());
  }
  return buffer.data();
}

bool Address::is_loopback() const {
  if (is_ipv4(*this)) return bytes[12] == 127;
  Address one;
  one.bytes[15] = 1;
  return *this == one;
}

bool is_ipv4(const Address& address) {
  return std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin());
}

Address limit_prefix(const Address& address, unsigned bits) {
  Address prefix = address;
  if (!is_ipv4(address)) {
    std::fill(prefix.bytes.begin() + bits / 8, prefix.bytes.end(), std::uint8_t{0});
  }
  return prefix;
}

SharedBudget::Holder holder_of(const RequestHead& head) {
  if (head.exempt_from_address_limits) return SharedBudget::kManyHolders;
  return AddressHash{}(limit_prefix(Address::parse(head.peer_address).value_or(Address{})));
}

std::size_t AddressHash::operator()(const Address& address) const noexcept {
  std::uint64_t high;
  std::uint64_t low;
  std::memcpy(&high, address.bytes.data(), 8);
  std::memcpy(&low, address.bytes.data() + 8, 8);
  const std::uint64_t mixed = (high ^ 0x9E3779B97F4A7C15ULL) * 0xD6E8FEB86659FD93ULL + low;
  return static_cast<std::size_t>((mixed ^ mixed >> 32) * 0xD6E8FEB86659FD93ULL);
}

TrustedProxies::TrustedProxies(const std::vector<std::string>& blocks) {
  for (const std::string_view text : blocks) {
    if (const auto block = parse_block(text)) blocks_.push_back(*block);
  }
}

std::optional<TrustedProxies::Block> TrustedProxies::parse_block(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_plain(trim(text.substr(0, slash)));
  if (!address) return std::nullopt;
  unsigned bits = is_ipv4(*address) ? 32 : 128;
  if (slash != std::string_view::npos) {
    const auto asked = parse_decimal<unsigned>(trim(text.substr(slash + 1)));
    if (!asked || *asked > bits) return std::nullopt;
    bits = *asked;
  }
  return Block{*address, is_ipv4(*address) ? bits + 96 : bits};
}

bool TrustedProxies::contains(const Address& address) const {
  return std::ranges::any_of(blocks_, [&](const Block& block) {
    const unsigned whole = block.prefix_bits / 8;
    const unsigned rest = block.prefix_bits % 8;
    if (!std::equal(address.bytes.begin(), address.bytes.begin() + whole,
                    block.address.bytes.begin())) {
      return false;
    }
    return rest == 0 || (address.bytes[whole] ^ block.address.bytes[whole]) >> (8 - rest) == 0;
  });
}

Forwarding TrustedProxies::describe(const Address& peer, bool own_tls, RequestHead& head) const {
  head.from_loopback = peer.is_loopback();
  head.secure = own_tls;
  head.has_forwarding_header =
      std::ranges::any_of(head.fields, [](const auto& f) { return is_forwarding_field(f.first); });
  const bool is_believed = head.has_forwarding_header && contains(peer);
  const Address client = is_believed ? believe(peer, head) : peer;
  head.peer_address = client.to_text();
  head.exempt_from_address_limits = is_exempt(client);
  const bool is_ignored =
      head.has_forwarding_header && !is_believed && !head.field("x-forwarded-for").empty();
  return is_ignored ? Forwarding::kIgnored : Forwarding::kSettled;
}

Address TrustedProxies::believe(const Address& peer, RequestHead& head) const {
  Address client = peer;
  const std::string forwarded_for = joined_list(head, "x-forwarded-for");
  std::string_view list = forwarded_for;
  std::size_t hops = 0;
  while (!list.empty() && contains(client)) {
    const auto address = Address::parse(last_item(list));
    if (!address) break;
    client = *address;
    ++hops;
    const std::size_t comma = list.rfind(',');
    list = comma == std::string_view::npos ? std::string_view() : list.substr(0, comma);
  }
  // Each proxy adds one item to each list, about the connection that it was asked on: those of the
  // one that saw the client count.
  const std::string scheme = item_of_hop(head, "x-forwarded-proto", hops);
  if (!scheme.empty()) head.secure = equals_ignoring_case(scheme, "https");
  head.forwarded_host = item_of_hop(head, "x-forwarded-host", hops);
  return client;
}

}  // namespace maru::net
