#include "endpoint/lobby.hpp"

namespace maru::endpoint {

std::optional<Lobby::Place> Lobby::enter(const net::RequestHead& head) {
  if (sessions_max_ != 0 && size_ >= sessions_max_) return std::nullopt;
  Counts::value_type* count = nullptr;
  if (per_address_max_ != 0 && !head.exempt_from_address_limits) {
    const auto address = net::Address::parse(head.peer_address).value_or(net::Address{});
    count = &*counts_.try_emplace(net::limit_prefix(address), 0).first;
    if (count->second >= per_address_max_) return std::nullopt;
    ++count->second;
  }
  ++size_;
  return Place(*this, count);
}

void Lobby::leave(Counts::value_type* count) {
  --size_;
  if (count && --count->second == 0) counts_.erase(net::Address(count->first));
}

}  // namespace maru::endpoint
