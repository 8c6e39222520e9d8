#include "gateway/rest/answer_room.hpp"

#include <optional>
#include <utility>

#include "base/memory.hpp"
#include "gateway/limits/rate_limiter.hpp"
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

}  // namespace maru::gateway::rest
