// From which networks an account has logged in: who comes from one of them has a share of the
// hashing of their own (password_try.hpp), and is not made to wait for what strangers failed at.
// A hint: what is lost or forgotten costs a place in the queue of strangers, no more.
//
// Of a pair only a keyed hash is kept, with the hour of its last login; the key is random and
// secret. Memory is fixed (1 MiB). An account has at most eight networks, those it used last, and
// can push out those of the few accounts beside it alone, which nobody can choose. Pairs are known
// for 30 days (of a clock of lifetimes, SettledClock); an account is its id, which no other ever
// gets.
//
// Kept in a file of the data directory, so that a restart forgets nothing: load() before anybody
// asks, save_if_changed() now and then and at the end, by one thread. The rest: any thread; never
// blocks.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/id.hpp"

namespace maru::gateway {

class KnownNetworks {
 public:
  static constexpr std::int64_t kMemoryMs = 30LL * 24 * 3600 * 1000;
  static constexpr std::size_t kNetworksOfAccountMax = 8;

  explicit KnownNetworks(const Clock& lifetimes);  // which outlives it
  ~KnownNetworks();
  KnownNetworks(const KnownNetworks&) = delete;
  KnownNetworks& operator=(const KnownNetworks&) = delete;

  // `peer_address` is net::RequestHead's. Nobody is known to the zero id.
  [[nodiscard]] bool contains(UserId account, std::string_view peer_address) const;
  void remember(UserId account, std::string_view peer_address);

  // What cannot be used is logged and left: it begins empty, with a new key.
  void load(const std::filesystem::path& path);
  // Blocks on the disk if there is anything new. What cannot be written is logged and tried again.
  void save_if_changed(const std::filesystem::path& path);

  // As in the file.
  [[nodiscard]] std::string to_bytes() const;
  [[nodiscard]] Result<void> from_bytes(std::string_view bytes);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace maru::gateway
