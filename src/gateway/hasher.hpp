// argon2id on a thread of its own at low priority with a bounded queue (quality.md 1, row 6). Any
// thread may ask; the answer comes on the hasher's thread and must be posted to whoever asked.
#pragma once

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

class Hasher {
 public:
  static constexpr std::size_t kQueueMax = 64;

  Hasher();
  // Stops: queued work is dropped, the answer under way is still given. So it ends before whatever
  // answers use (command log, limiter, I/O threads).
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  // False: the queue is full; the caller answers 503 overloaded. The answer is empty when there was
  // no memory for it: the caller answers 503 unavailable.
  [[nodiscard]] bool hash(Secret password, std::move_only_function<void(std::string)> answer);
  // An empty hash stands for an unknown user: a dummy is computed, it does not match, and the time
  // is the same (quality.md 1, row 8). Passwords are wiped when their answer is given, or dropped.
  [[nodiscard]] bool verify(Secret password, std::string hash,
                            std::move_only_function<void(Verification)> answer);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace maru::gateway
