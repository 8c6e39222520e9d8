// Hashes of passwords: argon2id (RFC 9106) as PHC strings,
// "$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>" (m in KiB; quality.md 1, row 6).
//
// A hash works in 19 MiB, which stay with the object from one to the next: to map and clear them
// each time held up every other thread (docs/adr/0010-one-memory-for-all-hashes.md). One thread at
// a time; each call blocks it for some 15 ms of CPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace maru::gateway {

struct Argon2idParameters;  // of one hash; argon2id.cpp

class Argon2id {
 public:
  Argon2id() = default;
  ~Argon2id() { release_memory(); }
  Argon2id(const Argon2id&) = delete;
  Argon2id& operator=(const Argon2id&) = delete;

  // With a new salt. Empty when there is no memory for it.
  [[nodiscard]] std::string hash(std::string_view password);

  enum class Match : std::uint8_t {
    kNo,   // also for what is no PHC string, or of a cost that no version of this program asked for
    kYes,  // the parameters are today's
    kOfOldParameters,
  };
  // What cannot be verified costs as much as a hash.
  [[nodiscard]] Match verify(std::string_view password, std::string_view phc);

  // Until the next call needs it.
  void release_memory();

 private:
  bool compute(std::string_view password, Argon2idParameters& parameters);

  std::byte* memory_ = nullptr;
  std::size_t memory_bytes_ = 0;
};

}  // namespace maru::gateway
