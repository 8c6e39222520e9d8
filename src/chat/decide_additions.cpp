// Who may be put into a chat by somebody else: the quotas of strangers and the bound on what others
// put one in. Part of creating a chat.
#include "base/limits.hpp"
#include "chat/turn.hpp"

namespace maru::chat {
namespace {

// The counter as it stands in the present window.
Result<QuotaCount> find_counter(UserId user, QuotaKind kind, Turn& turn) {
  const QuotaCount fresh{user, kind, turn.stamp.lifetime, 0};
  const auto found = turn.state.find_quota(user, kind);
  if (!found) return std::unexpected(found.error());
  if (!*found || (*found)->since.ms + turn.quotas.window_ms <= turn.stamp.lifetime.ms) return fresh;
  QuotaCount counter = **found;
  // The clock was put back: the window must not last longer for it.
  if (counter.since > turn.stamp.lifetime) counter.since = turn.stamp.lifetime;
  return counter;
}

std::unexpected<Error> over_quota(const QuotaCount& counter, std::uint32_t limit, const char* rule,
                                  const char* detail, const Turn& turn) {
  auto refusal = fail(ErrorCode::kRateLimited, detail);
  refusal.error().fields.push_back(
      {"users", rule, static_cast<std::int64_t>(limit), static_cast<std::int64_t>(counter.count)});
  const std::int64_t left = counter.since.ms + turn.quotas.window_ms - turn.stamp.lifetime.ms;
  refusal.error().retry_after_ms = static_cast<std::uint32_t>(std::max<std::int64_t>(left, 1));
  return refusal;
}

Result<void> check_put_in_count(UserId user, Entry entry, Turn& turn) {
  const std::size_t limit =
      entry == Entry::kPutIn ? limits::kGroupsPutInMax : limits::kPersonalChatsToOneMax;
  const auto count = turn.state.find_chat_count_of(user, entry);
  if (!count) return std::unexpected(count.error());
  if (*count < limit) return {};
  auto refusal =
      fail(ErrorCode::kChatFull, "One of the users is in as many chats as others may put one in.");
  refusal.error().fields.push_back({"users", "too_many_chats", static_cast<std::int64_t>(limit),
                                    static_cast<std::int64_t>(*count) + 1});
  return refusal;
}

}  // namespace

Result<std::vector<QuotaCount>> prepare_additions(const User& adder, std::span<const UserId> added,
                                                  Entry entry, Turn& turn) {
  for (const UserId& user : added) {
    if (auto room = check_put_in_count(user, entry, turn); !room) {
      return std::unexpected(std::move(room.error()));
    }
  }
  std::vector<QuotaCount> counters;
  if (!turn.quotas.enabled || added.empty()) return counters;
  const auto sharing = turn.state.find_sharing(adder.id, added);
  if (!sharing) return std::unexpected(sharing.error());
  auto own = find_counter(adder.id, QuotaKind::kStrangersAdded, turn);
  if (!own) return std::unexpected(std::move(own.error()));
  const std::uint32_t before = own->count;
  const QuotaKind kind =
      entry == Entry::kOpenedToMe ? QuotaKind::kWrittenByStrangers : QuotaKind::kAddedByStrangers;
  for (std::size_t i = 0; i < added.size(); ++i) {
    if (!(*sharing)[i].any) ++own->count;
    if ((*sharing)[i].accepted) continue;
    auto theirs = find_counter(added[i], kind, turn);
    if (!theirs) return std::unexpected(std::move(theirs.error()));
    ++theirs->count;
    if (theirs->count > turn.quotas.added_by_strangers) {
      return over_quota(*theirs, turn.quotas.added_by_strangers, "added_too_often",
                        "Strangers have put one of the users into as many chats as they may in a "
                        "day.",
                        turn);
    }
    counters.push_back(*theirs);
  }
  const std::uint32_t limit = adder.type == AccountType::kGuest ? turn.quotas.strangers_per_guest
                                                                : turn.quotas.strangers_per_account;
  if (own->count > limit && own->count != before) {
    return over_quota(*own, limit, "too_many_strangers",
                      "You have added as many people with whom you share no chat as you may in a "
                      "day.",
                      turn);
  }
  if (own->count != before) counters.push_back(*own);
  return counters;
}

void count_additions(const std::vector<QuotaCount>& counters, Turn& turn) {
  if (counters.empty()) return;
  turn.change(QuotasExpired{{turn.stamp.lifetime.ms - turn.quotas.window_ms}});
  for (const QuotaCount& counter : counters) turn.change(QuotaCounted{counter});
}

}  // namespace maru::chat
