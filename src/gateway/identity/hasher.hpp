// argon2id on a thread of its own at low priority with a bounded queue (quality.md 1, row 6), or
// rather two: the known go first, but one in four is a stranger's while any waits. Any thread may
// ask; the answer comes on the hasher's thread and must be posted to whoever asked.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/secret.hpp"

namespace maru::gateway {

struct Verification {
  bool matches = false;
  std::string renewed;  // it matches a hash of older parameters: the hash of today's, to be stored
  Secret password;      // given back
};

enum class HashShare : std::uint8_t { kStrangers, kKnown };
inline constexpr std::size_t kHashShareCount = 2;

class Hasher {
 public:
  // Of each share. More than the rates of hashing let in at once (GatewayOptions).
  static constexpr std::size_t kQueueMax = 128;
  static constexpr unsigned kKnownInARowMax = 3;

  Hasher();
  // Stops: queued work is dropped, the answer under way is still given. So it ends before whatever
  // answers use (command log, limiter, I/O threads).
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  // False: the share's queue is full; the caller answers 503 overloaded. The answer is empty when
  // there was no memory for it: the caller answers 503 unavailable.
  [[nodiscard]] bool hash(HashShare share, Secret password,
                          std::move_only_function<void(std::string)> answer);
  // An empty hash stands for an unknown user: a dummy is computed, it does not match, and the time
  // is the same (quality.md 1, row 8). Passwords are wiped when their answer is given, or dropped.
  [[nodiscard]] bool verify(HashShare share, Secret password, std::string hash,
                            std::move_only_function<void(Verification)> answer);

  struct Counters {
    std::array<std::atomic<std::size_t>, kHashShareCount> waiting{};  // or under way
    std::array<std::atomic<std::uint64_t>, kHashShareCount> done{};
    std::array<std::atomic<std::uint64_t>, kHashShareCount> refused{};
  };
  [[nodiscard]] const Counters& counters() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace maru::gateway
