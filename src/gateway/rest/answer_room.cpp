#include "gateway/rest/answer_room.hpp"

#include <utility>

#include "gateway/rest/flow.hpp"

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

void look(const CallPtr& call, chat::Snapshot& snapshot, SharedBudget::Holder holder,
          std::size_t bytes, HasRoom then, std::unique_ptr<Waiting> waiting) {
  if (auto lease = call->context().budgets.answer_bytes.try_take(holder, bytes)) {
    waiting.reset();
    call->hold(std::move(lease));
    return then(snapshot);
  }
  if (!waiting) {
    if (call->services().calls_without_room >= kWaitingMax) return refuse(call);
    waiting = std::make_unique<Waiting>(call->shared_services());
  } else if (++waiting->looks > kLooksMax) {
    return refuse(call);
  }
  call->services().post_after(kLookAgainMs, [call, holder, bytes, then = std::move(then),
                                             waiting = std::move(waiting)]() mutable {
    query(call, [call, holder, bytes, then = std::move(then),
                 waiting = std::move(waiting)](chat::Snapshot& fresh) mutable {
      look(call, fresh, holder, bytes, std::move(then), std::move(waiting));
    });
  });
}

}  // namespace

void with_room(const CallPtr& call, chat::Snapshot& snapshot, SharedBudget::Holder holder,
               std::size_t bytes, HasRoom then) {
  look(call, snapshot, holder, bytes, std::move(then), nullptr);
}

}  // namespace maru::gateway::rest
