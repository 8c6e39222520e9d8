// Keeps a hasher at one job, so that whatever is posted meanwhile is queued and nothing of it has
// begun. The hasher's thread takes jobs in an order of its own: only when the job has begun does
// none overtake it. Tests only.
#pragma once

#include <future>
#include <stdexcept>
#include <utility>

#include "gateway/identity/hasher.hpp"

namespace maru::gateway::testing {

class HeldHasher {
 public:
  // Returns when the job has begun. Declare it after the hasher, which it lets go on at its end.
  explicit HeldHasher(Hasher& hasher) {
    std::promise<void> entered;
    std::future<void> begun = entered.get_future();
    const bool posted =
        hasher.verify(HashShare::kStrangers, Secret("x"), "",
                      [entered = std::move(entered),
                       may_go_on = go_on_.get_future()](const Verification&) mutable {
                        entered.set_value();
                        may_go_on.wait();
                      });
    if (!posted) throw std::runtime_error("the hasher took no job");
    begun.get();
  }
  ~HeldHasher() { go_on(); }
  HeldHasher(const HeldHasher&) = delete;
  HeldHasher& operator=(const HeldHasher&) = delete;

  // From here on answers come on the hasher's thread: wait for them before you look at what they
  // touch.
  void go_on() {
    if (!std::exchange(held_, false)) return;
    go_on_.set_value();
  }

 private:
  std::promise<void> go_on_;
  bool held_ = true;
};

}  // namespace maru::gateway::testing
