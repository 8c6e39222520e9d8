#include "chat/command_lane.hpp"

#include <algorithm>
#include <span>

#include "base/memory.hpp"
#include "base/thread_name.hpp"

namespace maru::chat {
namespace {

// So many calls of Store::idle after the last command; then the thread sleeps until one comes.
constexpr int kIdleCallsMax = 40;
constexpr std::chrono::milliseconds kRest{60'000};

}  // namespace

CommandLane::CommandLane(CommandSource& source, Store& store, EventBus& bus, const Clock& clock,
                         IdSource& ids, LaneOptions options)
    : options_(std::move(options)),
      source_(source),
      store_(store),
      clock_(clock),
      commit_(store, bus, clock, ids, counters_, options_.cache, options_.quotas,
              options_.on_users_ending),
      thread_([this] { run(); }) {}

CommandLane::~CommandLane() {
  stop();
}

void CommandLane::stop() {
  source_.close();
  if (thread_.joinable()) thread_.join();
}

void CommandLane::run() {
  name_this_thread("sequencer");
  std::vector<Command> queued;
  int idle_calls = 0;
  while (source_.take(queued, idle_calls < kIdleCallsMax ? options_.idle_after : kRest)) {
    if (queued.empty()) {
      idle_calls = std::min(idle_calls + 1, kIdleCallsMax);
      [[maybe_unused]] const bool done =
          memory::survive([this] { store_.idle(clock_.monotonic()); });
      continue;
    }
    idle_calls = 0;
    for (std::span<Command> rest = queued; !rest.empty();) {
      const std::size_t size = std::min(rest.size(), options_.batch_commands_max);
      commit_.run(rest.first(size));
      source_.settled(size);
      rest = rest.subspan(size);
    }
  }
}

}  // namespace maru::chat
