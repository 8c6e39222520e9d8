// How many connections there may be, in all and of one address (quality.md 1, row 22). One object
// for all I/O threads of a process, whichever of them a connection is on; any thread. Asked when a
// connection comes and told when it ends, so its locks are not on the hot path.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <mutex>
#include <unordered_map>

#include "net/address.hpp"

namespace maru::net {

class ConnectionLimits {
 public:
  enum class Cap : std::uint8_t { kTotal, kAddress };

  // Where a connection is counted; it stays there when it moves between threads.
  struct Place {
    ConnectionLimits* limits;
    Address prefix{};
    std::size_t count = 0;
  };

  // connections_max 0: as many as descriptors allow, less a reserve. per_address_max 0: no cap.
  ConnectionLimits(std::size_t connections_max, std::size_t per_address_max);
  ConnectionLimits(const ConnectionLimits&) = delete;
  ConnectionLimits& operator=(const ConnectionLimits&) = delete;

  // The place belongs to the caller until leave(). `exempt`: from the cap per address.
  [[nodiscard]] std::expected<Place*, Cap> take(const Address& address, bool exempt);
  static void leave(Place* place);  // null: does nothing

  // True for the first caller only: what is said once about each cap.
  [[nodiscard]] bool is_first_refusal(Cap cap);

  [[nodiscard]] std::size_t connections_max() const { return connections_max_; }
  [[nodiscard]] std::size_t open() const { return open_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kShards = 16;
  struct Shard {
    std::mutex mutex;
    // Nodes stay where they are. One whose count is 0 is erased.
    std::unordered_map<Address, Place, AddressHash> places;
  };

  [[nodiscard]] bool take_one_of_all();
  Shard& shard_of(const Address& prefix) { return shards_[(AddressHash{}(prefix) >> 8) % kShards]; }

  const std::size_t connections_max_;
  const std::size_t per_address_max_;
  std::atomic<std::size_t> open_{0};
  std::array<std::atomic<bool>, 2> refused_{};
  Place exempt_{this};
  std::array<Shard, kShards> shards_;
};

}  // namespace maru::net
