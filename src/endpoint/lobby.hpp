// Polling sessions for which nobody answers: those that have joined no namespace yet, and those
// that joined without a login (open mode), which no cap per user counts. A handshake costs its
// client nothing, so there may be only so many, in all and of one address (quality.md 1, row 22).
// WebSockets are bounded by the caps on connections. One per I/O thread; owner thread only.
#pragma once

#include <cstddef>
#include <optional>
#include <unordered_map>
#include <utility>

#include "net/address.hpp"
#include "net/http.hpp"

namespace maru::endpoint {

class Lobby {
  using Counts = std::unordered_map<net::Address, std::size_t, net::AddressHash>;

 public:
  // Gives itself back. The lobby outlives it.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept
        : lobby_(std::exchange(other.lobby_, nullptr)), count_(other.count_) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(lobby_, other.lobby_);
      std::swap(count_, other.count_);
      return *this;
    }
    ~Place() {
      if (lobby_) lobby_->leave(count_);
    }

   private:
    friend class Lobby;
    Place(Lobby& lobby, Counts::value_type* count) : lobby_(&lobby), count_(count) {}
    Lobby* lobby_ = nullptr;
    Counts::value_type* count_ = nullptr;  // null: exempt; nodes stay where they are
  };

  // 0: no bound.
  Lobby(std::size_t sessions_max, std::size_t per_address_max)
      : sessions_max_(sessions_max), per_address_max_(per_address_max) {}
  Lobby(const Lobby&) = delete;
  Lobby& operator=(const Lobby&) = delete;

  // Nothing: it is full, for this address or for all.
  [[nodiscard]] std::optional<Place> enter(const net::RequestHead& head);
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  void leave(Counts::value_type* count);

  const std::size_t sessions_max_;
  const std::size_t per_address_max_;
  std::size_t size_ = 0;
  Counts counts_;  // an address whose count is 0 is erased
};

}  // namespace maru::endpoint
