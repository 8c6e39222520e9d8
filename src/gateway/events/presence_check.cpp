#include "gateway/events/presence_check.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/memory.hpp"
#include "gateway/events/realtime_core.hpp"

namespace maru::gateway {
namespace {

constexpr std::size_t kUsersPerQuery = 256;
constexpr std::int64_t kRetryMs = 500;
constexpr int kTriesMax = 10;  // then the watches end unseen

void run(RealtimeCore& core);

// Ends the watches with those of `looked_up` that are not among `sharing`.
void apply(RealtimeCore& core, UserId user, std::vector<UserId> looked_up,
           const std::vector<UserId>& sharing) {
  std::erase_if(looked_up, [&](const UserId& other) {
    return std::ranges::find(sharing, other) != sharing.end();
  });
  core.rooms.end_watches(user, looked_up);
}

void on_answer(RealtimeCore& core, UserId user, std::vector<UserId> asked,
               const Result<std::vector<UserId>>& sharing) {
  PresenceCheckState& state = core.presence_checks;
  if (!sharing && ++state.tries < kTriesMax) {
    state.partners.insert(state.partners.end(), asked.begin(), asked.end());
    core.delays.after(kRetryMs, [&core] { run(core); });
    return;
  }
  state.tries = 0;
  apply(core, user, std::move(asked), sharing.value_or(std::vector<UserId>()));
  if (state.partners.empty()) state.waiting.pop_front();
  run(core);
}

// Asks for the next part of the first user's partners.
void run(RealtimeCore& core) {
  PresenceCheckState& state = core.presence_checks;
  while (state.partners.empty() && !state.waiting.empty()) {
    state.partners = core.rooms.watch_partners(state.waiting.front());
    if (state.partners.empty()) state.waiting.pop_front();
  }
  state.is_running = !state.waiting.empty();
  if (!state.is_running) return;
  const UserId user = state.waiting.front();
  const std::size_t kept = state.partners.size() - std::min(state.partners.size(), kUsersPerQuery);
  std::vector<UserId> asked(state.partners.begin() + static_cast<std::ptrdiff_t>(kept),
                            state.partners.end());
  state.partners.resize(kept);
  // Many rows; only what somebody hears of others' presence waits for it.
  const bool posted =
      core.context.queries.post(chat::Lane::kBulk, [&core, user, asked](chat::Snapshot& snapshot) {
        const memory::Patience patience;  // the check goes on with its answer
        core.post_self([&core, user, asked, sharing = snapshot.filter_sharing_chat(user, asked)] {
          // Without memory it goes on with the next change.
          if (!memory::survive([&] { on_answer(core, user, asked, sharing); })) {
            core.presence_checks.is_running = false;
          }
        });
      });
  if (!posted) on_answer(core, user, std::move(asked), fail(ErrorCode::kOverloaded, {}));
}

}  // namespace

void recheck_presence(RealtimeCore& core, UserId user) {
  if (core.context.options.auth == AuthMode::kOpen) return;
  PresenceCheckState& state = core.presence_checks;
  // One that is being looked up may have been read before this: it comes again.
  const auto first = state.waiting.begin() + (state.is_running ? 1 : 0);
  if (std::find(first, state.waiting.end(), user) != state.waiting.end()) return;
  if (state.waiting.size() >= PresenceCheckState::kWaitingMax) {
    return core.rooms.end_watches(user, core.rooms.watch_partners(user));
  }
  state.waiting.push_back(user);
  if (!state.is_running) run(core);
}

}  // namespace maru::gateway
