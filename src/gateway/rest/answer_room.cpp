#include "gateway/rest/answer_room.hpp"

#include <memory>
#include <optional>
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
  explicit Waiting(Services& services) : services_(services) { ++services_.calls_without_room; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { --services_.calls_without_room; }

  int looks = 1;

 private:
  Services& services_;
};

std::unexpected<Error> refuse(Call& call) {
  call.context().budgets.answer_bytes.total().count_refusal();
  return std::unexpected(Error{ErrorCode::kOverloaded,
                               "Too many answers wait to be read; read them, or try again.",
                               {},
                               1'000});
}

SharedBudget::Holder holder_of(const Call& call, const Caller& caller) {
  return caller.session ? RateLimiter::key_of(caller.user) : net::holder_of(call.head());
}

}  // namespace

Task<Result<void>> take_room(Call& call, const Caller& caller, std::size_t bytes) {
  std::optional<Waiting> waiting;
  for (int look = 1; look <= kLooksMax; ++look) {
    if (memory::is_short()) co_return refuse(call);
    auto lease = call.context().budgets.answer_bytes.try_take(holder_of(call, caller), bytes);
    if (lease) {
      call.hold(std::move(lease));
      co_return Result<void>();
    }
    if (!waiting) {
      if (call.services().calls_without_room >= kWaitingMax) co_return refuse(call);
      waiting.emplace(call.services());
    }
    co_await later(call, kLookAgainMs);
  }
  co_return refuse(call);
}

namespace {

void look(const CallPtr& call, chat::Snapshot& snapshot, Caller&& caller, std::size_t bytes,
          Deciding then, std::unique_ptr<Waiting> waiting) {
  if (memory::is_short()) return call->problem(refuse(*call).error());
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
    if (call->services().calls_without_room >= kWaitingMax) {
      return call->problem(refuse(*call).error());
    }
    waiting = std::make_unique<Waiting>(call->services());
  } else if (++waiting->looks > kLooksMax) {
    return call->problem(refuse(*call).error());
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
