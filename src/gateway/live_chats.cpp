#include "gateway/live_chats.hpp"

#include <cassert>
#include <cstddef>

namespace maru::gateway {

Floors::Verdict Floors::judge(std::span<const Sequence> heads) {
  assert(floors_.empty() || heads.size() == floors_.size());
  for (std::size_t i = 0; i < floors_.size(); ++i) {
    if (heads[i] >= floors_[i]) continue;
    return reads_again_++ < kReadsAgainMax ? Verdict::kReadAgain : Verdict::kStale;
  }
  return Verdict::kFresh;
}

Error stale_snapshot() {
  return {ErrorCode::kUnavailable, "The store is behind its records; try again.", {}, 0};
}

void when_live(chat::EventBus& bus, net::IoThread& thread, std::vector<ChatId> chats,
               WhenLive then) {
  bus.when_live(std::move(chats),
                [&thread, then = std::move(then)](Result<chat::EventBus::Floors> answer) mutable {
                  Result<Floors> floors;
                  if (answer) {
                    floors = Floors(std::move(*answer));
                  } else {
                    floors = std::unexpected(std::move(answer.error()));
                  }
                  if (thread.on_this_thread()) return then(std::move(floors));
                  thread.post([then = std::move(then), floors = std::move(floors)]() mutable {
                    then(std::move(floors));
                  });
                });
}

}  // namespace maru::gateway
