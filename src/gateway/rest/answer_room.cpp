#include "gateway/rest/answer_room.hpp"

#include <memory>
#include <utility>

#include "base/memory.hpp"
#include "gateway/rate_limiter.hpp"
#include "net/http.hpp"

namespace maru::gateway::rest {
namespace {

constexpr std::int64_t kLookAgainMs = 100;
constexpr int kLooksMax = 30;
// Of one I/O thread.
constexpr std::size_t kWaitingMax = 256;

// One that waits; counted as long as it does.
class Waiting {
 public:
  explicit Waiting(std::shared_ptr<Services> services) : services_(std::move(services)) {
    ++services_->calls_without_room;
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { --services_->calls_without_room; }

  int looks = 1;

 private:
  std::shared_ptr<Services> services_;
};

void refuse(const CallPtr& call) {
  call->context().budgets.answer_bytes.total().count_refusal();
  call->problem(Error{ErrorCode::kOverloaded,
                      "Too many answers wait to be read; read them, or try again.",
                      {},
                      1'000});
}

SharedBudget::Holder holder_of(const Call& call, const Caller& caller) {
  return caller.session ? RateLimiter::key_of(caller.user) : net::holder_of(call.head());
}

void look(const CallPtr& call, chat::Snapshot& snapshot, Caller&& caller, std::size_t bytes,
          Deciding then, std::unique_ptr<Waiting> waiting) {
  if (memory::is_short()) return refuse(call);
  if (auto lease = call->context().budgets.answer_bytes.try_take(holder_of(*call, caller), bytes)) {
    call->hold(std::move(lease));
    if (!std::exchange(waiting, nullptr)) return then(snapshot, std::move(caller));
    // The turn in which it came was charged for nothing.
    const Toll share = share_of(*call, caller);
    then(snapshot, std::move(caller));
    return charge_for_rows(call->context().limiter, call->context().options, share,
                           snapshot.rows_read());
  }
  if (!waiting) {
    if (call->services().calls_without_room >= kWaitingMax) return refuse(call);
    waiting = std::make_unique<Waiting>(call->shared_services());
  } else if (++waiting->looks > kLooksMax) {
    return refuse(call);
  }
  call->services().post_after(kLookAgainMs, [call, bytes, caller = std::move(caller),
                                             then = std::move(then),
                                             waiting = std::move(waiting)]() mutable {
    decide_again(call, chat::Lane::kBulk, caller,
                 [call, bytes, then = std::move(then), waiting = std::move(waiting)](
                     chat::Snapshot& fresh, Caller&& again) mutable {
                   look(call, fresh, std::move(again), bytes, std::move(then), std::move(waiting));
                 });
  });
}

}  // namespace

void read_with_room(CallPtr call, Access access, Named named, std::size_t bytes, Deciding reading,
                    std::optional<Rate> also) {
  read_in_turn(
      call, access, std::move(named),
      [call, bytes, reading = std::move(reading)](chat::Snapshot& snapshot,
                                                  Caller&& caller) mutable {
        look(call, snapshot, std::move(caller), bytes, std::move(reading), nullptr);
      },
      also);
}

}  // namespace maru::gateway::rest
