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

Result<Floors::Verdict> Floors::judge(chat::Snapshot& snapshot, std::span<const ChatId> chats) {
  std::vector<Sequence> heads;
  if (!floors_.empty()) heads.reserve(chats.size());
  for (std::size_t i = 0; i < floors_.size(); ++i) {
    const auto head = snapshot.head(chats[i]);
    if (!head) return std::unexpected(head.error());
    heads.push_back(*head);
  }
  return judge(heads);
}

Error stale_snapshot() {
  return {ErrorCode::kUnavailable, "The store is behind its records; try again.", {}, 0};
}

}  // namespace maru::gateway
