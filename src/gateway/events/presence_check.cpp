#include "gateway/events/presence_check.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "gateway/events/realtime_core.hpp"
#include "gateway/tasks/asking.hpp"

namespace maru::gateway {
namespace {

constexpr std::size_t kUsersPerQuery = 256;
constexpr std::int64_t kRetryMs = 500;
constexpr int kTriesMax = 10;  // then the watches end unseen

// However the task ends, the next change begins another: without memory, or dropped.
class Running {
 public:
  explicit Running(PresenceCheckState& state) : state_(state) { state_.is_running = true; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() { state_.is_running = false; }

 private:
  PresenceCheckState& state_;
};

std::vector<UserId> take_part(std::vector<UserId>& users) {
  const std::size_t kept = users.size() - std::min(users.size(), kUsersPerQuery);
  std::vector<UserId> part(users.begin() + static_cast<std::ptrdiff_t>(kept), users.end());
  users.resize(kept);
  return part;
}

// Those of `partners` who still share a chat with the user; nobody, if that is not to be learnt.
Task<std::vector<UserId>> find_sharing(RealtimeCore& core, UserId user,
                                       const std::vector<UserId>& partners) {
  for (int tries = 1; tries <= kTriesMax; ++tries) {
    // Many rows; only what somebody hears of others' presence waits for it.
    Result<std::vector<UserId>> sharing = co_await ask(
        core.context.queries, chat::Lane::kBulk, nullptr,
        [&](chat::Snapshot& snapshot) { return snapshot.filter_sharing_chat(user, partners); });
    if (sharing) co_return std::move(*sharing);
    co_await core.later(kRetryMs);
  }
  co_return std::vector<UserId>();
}

Task<void> check(RealtimeCore& core) {
  PresenceCheckState& state = core.presence_checks;
  const Running running(state);
  while (!state.waiting.empty()) {
    const UserId user = state.waiting.front();
    std::vector<UserId> partners = core.rooms.watch_partners(user);
    while (!partners.empty()) {
      std::vector<UserId> part = take_part(partners);
      const std::vector<UserId> sharing = co_await find_sharing(core, user, part);
      std::erase_if(part, [&](const UserId& other) {
        return std::ranges::find(sharing, other) != sharing.end();
      });
      core.rooms.end_watches(user, part);
    }
    state.waiting.pop_front();
  }
}

}  // namespace

void recheck_presence(RealtimeCore& core, UserId user) {
  if (core.context.options.auth == AuthMode::kOpen) return;
  PresenceCheckState& state = core.presence_checks;
  // One that is being looked up may have been read before this: it comes again.
  const auto first = state.waiting.begin() + (state.is_running ? 1 : 0);
  if (std::find(first, state.waiting.end(), user) == state.waiting.end()) {
    if (state.waiting.size() >= PresenceCheckState::kWaitingMax) {
      return core.rooms.end_watches(user, core.rooms.watch_partners(user));
    }
    state.waiting.push_back(user);
  }
  if (!state.is_running) core.start(check(core));
}

}  // namespace maru::gateway
